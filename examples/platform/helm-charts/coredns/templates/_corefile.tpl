{{/* Port 1053: binding 53 would need a capability in the process, the Service maps 53 to it. */}}
{{- define "coredns.corefile" -}}
{{ .Values.zone.name }}:1053 {
    errors
    {{- if .Values.logQueries }}
    log
    {{- end }}
    health :8080 {
        lameduck 5s
    }
    ready :8181
    prometheus :9153
    {{- range .Values.services }}
    rewrite stop name exact {{ .name }}.{{ $.Values.zone.name }} {{ .service }}.{{ default $.Release.Namespace .namespace }}.svc.{{ $.Values.clusterDomain }} answer auto
    {{- end }}
    {{- if .Values.services }}
    kubernetes {{ .Values.clusterDomain }} {
        ttl 30
    }
    {{- end }}
    file /etc/coredns/db.zone {{ .Values.zone.name }}
    cache {{ .Values.cacheSeconds }}
    loadbalance
}
{{- if .Values.forward }}
.:1053 {
    errors
    forward . {{ join " " .Values.forward }}
    cache {{ .Values.cacheSeconds }}
}
{{- end }}
{{- end }}

{{/* The serial stays: a changed zone rolls the pods (checksum annotation), nothing transfers it. */}}
{{- define "coredns.zone" -}}
$ORIGIN {{ .Values.zone.name }}.
$TTL {{ .Values.zone.ttl }}
@ IN SOA {{ include "coredns.fullname" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}. {{ .Values.zone.hostmaster }}.{{ .Values.zone.name }}. 1 7200 3600 1209600 {{ .Values.zone.ttl }}
@ IN NS {{ include "coredns.fullname" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}.
{{- range $record := .Values.records }}
{{- range $record.values }}
{{ $record.name }} IN {{ $record.type }} {{ if eq $record.type "TXT" }}{{ . | quote }}{{ else }}{{ . }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
