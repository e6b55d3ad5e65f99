{{/* The release's name is the identity: one release, one instance, names a reader can guess. */}}
{{- define "nvidia-device-plugin.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "nvidia-device-plugin.selectorLabels" -}}
app.kubernetes.io/name: nvidia-device-plugin
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "nvidia-device-plugin.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "nvidia-device-plugin.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: platform
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Without chart version and app version: a chart release that changes nothing must not restart a pod. */}}
{{- define "nvidia-device-plugin.podLabels" -}}
{{ include "nvidia-device-plugin.selectorLabels" . }}
app.kubernetes.io/part-of: platform
{{- end }}

{{/* repository:tag, or repository:tag@digest when a build or a pin supplies the digest. */}}
{{- define "nvidia-device-plugin.image" -}}
{{- $image := .image -}}
{{- $tag := default .defaultTag $image.tag -}}
{{- printf "%s:%s" $image.repository $tag -}}{{- with $image.digest -}}{{- printf "@%s" . -}}{{- end -}}
{{- end }}

{{- define "nvidia-device-plugin.pullSecrets" -}}
{{- $secrets := concat (default (list) .Values.imagePullSecrets) (default (list) (default (dict) .Values.global).imagePullSecrets) -}}
{{- with $secrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "nvidia-device-plugin.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "nvidia-device-plugin.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}
