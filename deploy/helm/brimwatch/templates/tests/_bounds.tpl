{{/* How is a container of `helm test` bounded? */}}
{{- define "brimwatch.test.bounds" -}}
resources:
  requests: {cpu: 10m, memory: 48Mi}
  limits: {memory: 96Mi}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}
