{{/* What may the DaemonSet's container do? All of these take this chart's context. */}}

{{/*
Kubernetes hands capabilities to root alone: another user loses them when the program starts. So a level with capabilities
is root, with everything else of root's taken away.
*/}}
{{- define "brimwatch.privilege.capabilities" -}}
{{- if eq .Values.daemonset.privilege "inspect" -}}
[SYS_PTRACE, DAC_READ_SEARCH]
{{- else if eq .Values.daemonset.privilege "act" -}}
[SYS_PTRACE, DAC_READ_SEARCH, DAC_OVERRIDE, KILL, SYS_RESOURCE]
{{- end -}}
{{- end -}}

{{- define "brimwatch.privilege.securityContext" -}}
{{- $capabilities := include "brimwatch.privilege.capabilities" . -}}
{{- $root := ne $capabilities "" -}}
runAsNonRoot: {{ not $root }}
runAsUser: {{ ternary 0 65532 $root }}
runAsGroup: {{ ternary 0 65532 $root }}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  {{- with $capabilities }}
  add: {{ . }}
  {{- end }}
seccompProfile: {type: RuntimeDefault}
{{- if and $root (include "brimwatch.privilege.appArmorField" .) }}
appArmorProfile: {type: Unconfined}
{{- end }}
{{- with .Values.daemonset.seLinuxOptions }}
seLinuxOptions:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The runtimes' own AppArmor profile lets nobody look at, or signal, what runs under another one. A field since 1.30. */}}
{{- define "brimwatch.privilege.appArmorField" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version }}yes{{ end -}}
{{- end -}}

{{- define "brimwatch.privilege.appArmorAnnotation" -}}
{{- if and (include "brimwatch.privilege.capabilities" .) (not (include "brimwatch.privilege.appArmorField" .)) -}}
container.apparmor.security.beta.kubernetes.io/brimwatch: unconfined
{{- end -}}
{{- end -}}
