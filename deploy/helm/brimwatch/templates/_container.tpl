{{/*
Which containers does a pod need for the sidecar? All of these take this chart's context; from a chart of your own that has
this one among its dependencies it is `.Subcharts.brimwatch`. Each renders list items.
*/}}

{{/* The daemon: below initContainers where sidecar.native is on, else below containers. */}}
{{- define "brimwatch.container" -}}
- name: brimwatch
  {{- if .Values.sidecar.native }}
  restartPolicy: Always
  {{- end }}
  image: {{ include "brimwatch.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [brimwatch]
  args:
    {{- include "brimwatch.daemon.args" (dict "root" . "role" "sidecar") | nindent 4 }}
  {{- with .Values.extraEnv }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  ports:
    {{- include "brimwatch.daemon.ports" (dict "root" .) | nindent 4 }}
  livenessProbe:
    {{- include "brimwatch.daemon.livenessProbe" (dict "root" .) | nindent 4 }}
  resources:
    {{- toYaml .Values.sidecar.resources | nindent 4 }}
  securityContext:
    {{- include "brimwatch.securityContext" . | nindent 4 }}
  volumeMounts:
    {{- include "brimwatch.daemon.volumeMounts" (dict "root" .) | nindent 4 }}
    {{- if .Values.sidecar.limitOf }}
    - name: brimwatch-limits
      mountPath: /etc/brimwatch-limits
      readOnly: true
    {{- end }}
{{- end -}}

{{/* Writes the hooks; below initContainers, before everything that may be Python. Nothing without hooks.enabled. */}}
{{- define "brimwatch.hooksContainer" -}}
{{- if .Values.hooks.enabled -}}
- name: brimwatch-hooks
  image: {{ include "brimwatch.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [brimwatch, hooks, export, --force, {{ .Values.hooks.path }}]
  resources:
    {{- toYaml .Values.hooks.resources | nindent 4 }}
  securityContext:
    {{- include "brimwatch.securityContext" . | nindent 4 }}
  volumeMounts:
    - name: brimwatch-hooks
      mountPath: {{ .Values.hooks.path }}
{{- end -}}
{{- end -}}

{{/* All that belongs below initContainers. */}}
{{- define "brimwatch.initContainers" -}}
{{- include "brimwatch.hooksContainer" . }}
{{- if .Values.sidecar.native }}
{{ include "brimwatch.container" . }}
{{- end }}
{{- end -}}

{{/* All that belongs below containers, beside the application: nothing where the sidecar is native. */}}
{{- define "brimwatch.containers" -}}
{{- if not .Values.sidecar.native -}}
{{ include "brimwatch.container" . }}
{{- end -}}
{{- end -}}

{{/* Fit for Pod Security Restricted. */}}
{{- define "brimwatch.securityContext" -}}
runAsNonRoot: {{ ne (toString .Values.sidecar.runAsUser) "0" }}
{{- if not (kindIs "invalid" .Values.sidecar.runAsUser) }}
runAsUser: {{ int64 .Values.sidecar.runAsUser }}
{{- end }}
{{- if not (kindIs "invalid" .Values.sidecar.runAsGroup) }}
runAsGroup: {{ int64 .Values.sidecar.runAsGroup }}
{{- end }}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Variables and mounts of an application's container, for the hooks; nothing without hooks.enabled. */}}
{{- define "brimwatch.hooksEnv" -}}
{{- if .Values.hooks.enabled -}}
- name: PYTHONPATH
  value: {{ .Values.hooks.path }}
{{- end -}}
{{- end -}}

{{- define "brimwatch.hooksVolumeMounts" -}}
{{- if .Values.hooks.enabled -}}
- name: brimwatch-hooks
  mountPath: {{ .Values.hooks.path }}
  readOnly: true
{{- end -}}
{{- end -}}
