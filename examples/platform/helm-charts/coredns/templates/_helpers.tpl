{{/* The release's name is the identity: one release, one instance, names a reader can guess. */}}
{{- define "coredns.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "coredns.selectorLabels" -}}
app.kubernetes.io/name: coredns
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "coredns.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "coredns.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: platform
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Without chart version and app version: a chart release that changes nothing must not restart a pod. */}}
{{- define "coredns.podLabels" -}}
{{ include "coredns.selectorLabels" . }}
app.kubernetes.io/part-of: platform
{{- end }}

{{/* repository:tag, or repository:tag@digest when a build or a pin supplies the digest. */}}
{{- define "coredns.image" -}}
{{- $image := .image -}}
{{- $tag := default .defaultTag $image.tag -}}
{{- printf "%s:%s" $image.repository $tag -}}{{- with $image.digest -}}{{- printf "@%s" . -}}{{- end -}}
{{- end }}

{{- define "coredns.pullSecrets" -}}
{{- $secrets := concat (default (list) .Values.imagePullSecrets) (default (list) (default (dict) .Values.global).imagePullSecrets) -}}
{{- with $secrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "coredns.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "coredns.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}
