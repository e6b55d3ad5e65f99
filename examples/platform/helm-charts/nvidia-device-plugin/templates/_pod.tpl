{{- define "nvidia-device-plugin.config" -}}
version: v1
flags:
  migStrategy: {{ .Values.plugin.migStrategy }}
  failOnInitError: {{ .Values.plugin.failOnInitError }}
  nvidiaDriverRoot: {{ .Values.plugin.driverRoot | quote }}
  plugin:
    deviceListStrategy:
      - {{ .Values.plugin.deviceListStrategy }}
    deviceIDStrategy: {{ .Values.plugin.deviceIDStrategy }}
{{- if eq .Values.sharing.strategy "time-slicing" }}
sharing:
  timeSlicing:
    renameByDefault: {{ .Values.sharing.renameByDefault }}
    failRequestsGreaterThanOne: {{ .Values.sharing.failRequestsGreaterThanOne }}
    resources:
      - name: nvidia.com/gpu
        replicas: {{ .Values.sharing.replicas }}
{{- else if eq .Values.sharing.strategy "mps" }}
sharing:
  mps:
    renameByDefault: {{ .Values.sharing.renameByDefault }}
    resources:
      - name: nvidia.com/gpu
        replicas: {{ .Values.sharing.replicas }}
{{- end }}
{{- end }}

{{/* What the plugin's pod and the MPS daemon's pod have in common. */}}
{{- define "nvidia-device-plugin.podCommon" -}}
{{- with include "nvidia-device-plugin.pullSecrets" . | trim }}
{{- . }}
{{ end -}}
serviceAccountName: {{ include "nvidia-device-plugin.serviceAccountName" . }}
automountServiceAccountToken: false
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.runtimeClass.name }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "nvidia-device-plugin.env" -}}
- name: CONFIG_FILE
  value: /config/config.yaml
- name: NVIDIA_VISIBLE_DEVICES
  value: all
- name: NVIDIA_DRIVER_CAPABILITIES
  value: compute,utility
{{- if .Values.wsl2.enabled }}
- name: LD_LIBRARY_PATH
  value: {{ .Values.wsl2.driverPath }}/lib
{{- end }}
{{- end }}

{{/* Non-empty when shares are advertised under their own name, and so registered through their own socket. */}}
{{- define "nvidia-device-plugin.renamed" -}}
{{- if and (ne .Values.sharing.strategy "none") .Values.sharing.renameByDefault }}yes{{ end }}
{{- end }}
