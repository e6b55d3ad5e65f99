{{/* OLLAMA_* is documented in ollama's envconfig/config.go, NVIDIA_* in the container toolkit's user guide. */}}
{{- define "ollama.env" -}}
- name: HOME
  value: /var/lib/ollama
- name: OLLAMA_MODELS
  value: /var/lib/ollama/models
- name: OLLAMA_HOST
  value: "0.0.0.0:11434"
- name: OLLAMA_FLASH_ATTENTION
  value: {{ .Values.settings.flashAttention | ternary "1" "0" | quote }}
- name: OLLAMA_KV_CACHE_TYPE
  value: {{ .Values.settings.kvCacheType | quote }}
- name: OLLAMA_NUM_PARALLEL
  value: {{ .Values.settings.numParallel | quote }}
- name: OLLAMA_MAX_LOADED_MODELS
  value: {{ .Values.settings.maxLoadedModels | quote }}
- name: OLLAMA_KEEP_ALIVE
  value: {{ .Values.settings.keepAlive | quote }}
- name: OLLAMA_LOAD_TIMEOUT
  value: {{ .Values.settings.loadTimeout | quote }}
{{- with .Values.settings.contextLength }}
- name: OLLAMA_CONTEXT_LENGTH
  value: {{ . | quote }}
{{- end }}
{{- with .Values.settings.origins }}
- name: OLLAMA_ORIGINS
  value: {{ . | quote }}
{{- end }}
{{- if .Values.settings.noCloud }}
- name: OLLAMA_NO_CLOUD
  value: "1"
{{- end }}
{{- if .Values.gpu.enabled }}
- name: NVIDIA_DRIVER_CAPABILITIES
  value: {{ .Values.cuda.driverCapabilities | quote }}
{{- with .Values.cuda.require }}
- name: NVIDIA_REQUIRE_CUDA
  value: {{ . | quote }}
{{- end }}
{{- with .Values.cuda.overheadBytes }}
- name: OLLAMA_GPU_OVERHEAD
  value: {{ . | int64 | quote }}
{{- end }}
{{- if .Values.wsl2.enabled }}
- name: LD_LIBRARY_PATH
  value: /usr/lib/wsl/lib:/usr/local/nvidia/lib:/usr/local/nvidia/lib64
{{- end }}
{{- else }}
# The image asks for every GPU; without this a GPU node would hand them out uncounted.
- name: NVIDIA_VISIBLE_DEVICES
  value: void
{{- end }}
{{- if .Values.trust.configMap }}
# Go reads every file of these directories, and the image's own bundle as well.
- name: SSL_CERT_DIR
  value: /etc/ssl/certs:/etc/platform-trust
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ollama.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The image's own user 1000 (ubuntu); GPU device nodes are world-accessible, so root is not needed. */}}
{{- define "ollama.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}
