{{/* What do PodMonitor and ServiceMonitor have in common? (dict "root" CONTEXT "monitor" VALUES "kind" NAME). */}}

{{- define "brimwatch.monitor.metadata" -}}
name: {{ include "brimwatch.fullname" .root }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "brimwatch.labels" .root | nindent 2 }}
  {{- with .monitor.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .monitor.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "brimwatch.monitor.endpoint" -}}
port: brimwatch
path: /metrics
scheme: {{ lower .root.Values.web.scheme }}
interval: {{ .monitor.interval }}
scrapeTimeout: {{ .monitor.scrapeTimeout }}
{{- range $key := list "relabelings" "metricRelabelings" "tlsConfig" "basicAuth" }}
{{- with get $.monitor $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}
