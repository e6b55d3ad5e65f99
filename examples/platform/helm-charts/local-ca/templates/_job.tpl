{{/* Where the authority's Secrets live: cert-manager reads those of a ClusterIssuer from its own namespace only. */}}
{{- define "local-ca.secretNamespace" -}}
{{- eq .Values.mode "cert-manager" | ternary .Values.certManager.namespace .Release.Namespace -}}
{{- end }}

{{/* Non-empty when something is left for the Job to do. */}}
{{- define "local-ca.needsJob" -}}
{{- if eq .Values.mode "job" }}yes
{{- else if eq .Values.mode "existing" }}{{ if or .Values.trust.enabled .Values.certificates }}yes{{ end }}
{{- else if and .Values.trust.enabled (not .Values.certManager.trustManager) }}yes
{{- end }}
{{- end }}

{{- define "local-ca.trustNamespaces" -}}
{{- prepend .Values.trust.namespaces .Release.Namespace | uniq | join " " -}}
{{- end }}

{{/* secret=name,name entries; cert-manager issues its own. */}}
{{- define "local-ca.certificates" -}}
{{- $entries := list -}}
{{- if ne .Values.mode "cert-manager" -}}
{{- range .Values.certificates -}}
{{- $entries = append $entries (printf "%s=%s" .secretName (join "," .dnsNames)) -}}
{{- end -}}
{{- end -}}
{{- join " " $entries -}}
{{- end }}

{{- define "local-ca.env" -}}
- name: MODE
  value: {{ .Values.mode | quote }}
- name: NAMESPACE
  value: {{ include "local-ca.secretNamespace" . | quote }}
- name: ROOT_SECRET
  value: {{ .Values.secrets.root | quote }}
- name: ISSUING_SECRET
  value: {{ .Values.secrets.issuing | quote }}
- name: COMMON_NAME
  value: {{ .Values.ca.commonName | quote }}
- name: INTERMEDIATE_COMMON_NAME
  value: {{ .Values.ca.intermediateCommonName | quote }}
- name: ORGANIZATION
  value: {{ .Values.ca.organization | quote }}
- name: ROOT_DAYS
  value: {{ .Values.ca.rootDays | quote }}
- name: INTERMEDIATE_DAYS
  value: {{ .Values.ca.intermediateDays | quote }}
- name: CERTIFICATES
  value: {{ include "local-ca.certificates" . | quote }}
- name: CERTIFICATE_DAYS
  value: {{ .Values.certificateDays | quote }}
- name: TRUST
  value: {{ .Values.trust.enabled | quote }}
- name: TRUST_CONFIG_MAP
  value: {{ .Values.trust.configMap | quote }}
- name: TRUST_KEY
  value: {{ .Values.trust.key | quote }}
- name: TRUST_NAMESPACES
  value: {{ include "local-ca.trustNamespaces" . | quote }}
- name: TIMEOUT
  value: {{ .Values.job.timeoutSeconds | quote }}
- name: REVISION
  value: {{ .Values.job.revision | quote }}
- name: HOME
  value: /work
{{- end }}

{{/*
A Job's pod template cannot change, so its name follows its content: other inputs are another Job, and the
same inputs are the Job that has already run.
*/}}
{{- define "local-ca.jobName" -}}
{{- $content := list (include "local-ca.env" .) (.Files.Get "files/make.sh") (.Files.Get "files/publish.sh") (toJson .Values.job) (toJson .Values.resources) (toJson .Values.nodeSelector) (toJson .Values.tolerations) (toJson .Values.imagePullSecrets) (toJson .Values.global) | join "\n" -}}
{{- printf "%s-%s" (include "local-ca.fullname" .) ($content | sha256sum | trunc 8) -}}
{{- end }}

{{- define "local-ca.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
