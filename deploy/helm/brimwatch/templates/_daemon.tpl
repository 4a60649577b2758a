{{/* What does each container with the daemon have in common? (dict "root" CONTEXT "role" "sidecar"), or "daemonset". */}}

{{- define "brimwatch.daemon.args" -}}
{{- $values := .root.Values -}}
- run
- --config.file=/etc/brimwatch/brimwatch.yaml
- --web.listen-address=:{{ int64 $values.web.port }}
- --storage.path=/var/lib/brimwatch/journal
- --log.level={{ $values.log.level }}
- --log.format={{ $values.log.format }}
{{- if $values.web.tokenSecret.name }}
- --web.token-file=/etc/brimwatch-token/{{ $values.web.tokenSecret.key }}
{{- end }}
{{- if $values.web.configSecret.name }}
- --web.config.file=/etc/brimwatch-web/web.yml
{{- end }}
{{- if (get $values .role).dryRun }}
- --dry-run
{{- end }}
{{- with $values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* No readiness probe: a sidecar that is not ready would take its whole pod out of service. */}}
{{- define "brimwatch.daemon.livenessProbe" -}}
httpGet:
  path: /-/healthy
  port: brimwatch
  scheme: {{ .root.Values.web.scheme }}
{{ toYaml .root.Values.livenessProbe }}
{{- end -}}

{{- define "brimwatch.daemon.ports" -}}
- name: brimwatch
  containerPort: {{ int64 .root.Values.web.port }}
  protocol: TCP
{{- end -}}

{{/* Whole folders, never subPath: only they see a ConfigMap change. */}}
{{- define "brimwatch.daemon.volumeMounts" -}}
- name: brimwatch-config
  mountPath: /etc/brimwatch
  readOnly: true
- name: brimwatch-storage
  mountPath: /var/lib/brimwatch
{{- if .root.Values.web.tokenSecret.name }}
- name: brimwatch-token
  mountPath: /etc/brimwatch-token
  readOnly: true
{{- end }}
{{- if .root.Values.web.configSecret.name }}
- name: brimwatch-web
  mountPath: /etc/brimwatch-web
  readOnly: true
{{- end }}
{{- end -}}

{{- define "brimwatch.daemon.secretVolumes" -}}
{{- with .root.Values.web.tokenSecret.name }}
- name: brimwatch-token
  secret: {secretName: {{ . }}}
{{- end }}
{{- with .root.Values.web.configSecret.name }}
- name: brimwatch-web
  secret: {secretName: {{ . }}}
{{- end }}
{{- end -}}

{{- define "brimwatch.daemon.configVolume" -}}
- name: brimwatch-config
  configMap: {name: {{ include "brimwatch.configName" . }}}
{{- end -}}
