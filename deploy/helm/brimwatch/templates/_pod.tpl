{{/* What does the pod around a sidecar need? The first two take this chart's context. */}}

{{/* Below volumes. */}}
{{- define "brimwatch.volumes" -}}
{{ include "brimwatch.daemon.configVolume" (dict "root" . "role" "sidecar") }}
- name: brimwatch-storage
  emptyDir: {sizeLimit: {{ .Values.sidecar.storage.sizeLimit }}}
{{- include "brimwatch.daemon.secretVolumes" (dict "root" .) }}
{{- if .Values.hooks.enabled }}
- name: brimwatch-hooks
  emptyDir: {sizeLimit: 16Mi}
{{- end }}
{{- with .Values.sidecar.limitOf }}
- name: brimwatch-limits
  downwardAPI:
    items:
      {{- range . }}
      - path: {{ . }}
        resourceFieldRef: {containerName: {{ . }}, resource: limits.memory, divisor: "1"}
      {{- end }}
{{- end }}
{{- end -}}

{{/* Fields of the pod spec itself. */}}
{{- define "brimwatch.podSpec" -}}
shareProcessNamespace: true
{{- end -}}

{{/*
A whole pod spec with the sidecar in it: (dict "root" CONTEXT "pod" POD_SPEC), where the latter is a map. The sidecar starts
before the pod's own init containers, so that they are watched as well.
*/}}
{{- define "brimwatch.pod" -}}
{{- $root := .root -}}
{{- $pod := mustMergeOverwrite (deepCopy .pod) (include "brimwatch.podSpec" $root | fromYaml) -}}
{{- if not (hasKey $pod "automountServiceAccountToken") -}}
{{- $_ := set $pod "automountServiceAccountToken" false -}}
{{- end -}}
{{- if and $root.Values.imagePullSecrets (not $pod.imagePullSecrets) -}}
{{- $_ := set $pod "imagePullSecrets" $root.Values.imagePullSecrets -}}
{{- end -}}
{{- $context := $pod.securityContext | default dict -}}
{{- if and (eq (toString (get $context "runAsUser")) "0") (kindIs "invalid" $root.Values.sidecar.runAsUser) -}}
{{- fail "the pod runs as root, and a sidecar with runAsNonRoot would never start: give the pod a user of its own, or set sidecar.runAsUser to 0" -}}
{{- end -}}
{{- $names := list -}}
{{- range $pod.containers }}{{ $names = append $names .name }}{{ end -}}
{{- range $root.Values.hooks.containers -}}
{{- if and $root.Values.hooks.enabled (not (has . $names)) -}}
{{- fail (printf "hooks.containers: found %s, wanted one of %s" . (join ", " $names)) -}}
{{- end -}}
{{- end -}}
{{- range $root.Values.sidecar.limitOf -}}
{{- if not (has . $names) -}}
{{- fail (printf "sidecar.limitOf: found %s, wanted one of %s" . (join ", " $names)) -}}
{{- end -}}
{{- end -}}
{{- $containers := list -}}
{{- range $index, $container := $pod.containers -}}
{{- $named := has $container.name $root.Values.hooks.containers -}}
{{- $first := and (eq $index 0) (not $root.Values.hooks.containers) -}}
{{- $hooked := and $root.Values.hooks.enabled (or $named $first) -}}
{{- $argument := dict "root" $root "container" $container "hooked" $hooked -}}
{{- $containers = append $containers (include "brimwatch.pod.container" $argument | fromYaml) -}}
{{- end -}}
{{- $ours := include "brimwatch.containers" $root | fromYamlArray -}}
{{- $_ := set $pod "containers" (concat $containers $ours) -}}
{{- $init := include "brimwatch.initContainers" $root | fromYamlArray -}}
{{- with concat $init ($pod.initContainers | default list) -}}
{{- $_ := set $pod "initContainers" . -}}
{{- end -}}
{{- $volumes := include "brimwatch.volumes" $root | fromYamlArray -}}
{{- $_ := set $pod "volumes" (concat ($pod.volumes | default list) $volumes) -}}
{{- toYaml $pod -}}
{{- end -}}

{{/* One container of the application, with our image where it has none, and with the hooks where it shall have them. */}}
{{- define "brimwatch.pod.container" -}}
{{- $container := deepCopy .container -}}
{{- if not $container.image -}}
{{- $_ := set $container "image" (include "brimwatch.image" .root) -}}
{{- $_ := set $container "imagePullPolicy" .root.Values.image.pullPolicy -}}
{{- end -}}
{{- if .hooked -}}
{{- $path := .root.Values.hooks.path -}}
{{- $env := list -}}
{{- range ($container.env | default list) -}}
{{- if and (eq .name "PYTHONPATH") .value -}}
{{- $path = printf "%s:%s" $path .value -}}
{{- else if eq .name "PYTHONPATH" -}}
{{- fail (printf "the container %s: PYTHONPATH with valueFrom cannot be extended; start it with `brimwatch hooks run` instead" $container.name) -}}
{{- else -}}
{{- $env = append $env . -}}
{{- end -}}
{{- end -}}
{{- $_ := set $container "env" (append $env (dict "name" "PYTHONPATH" "value" $path)) -}}
{{- $mounts := include "brimwatch.hooksVolumeMounts" .root | fromYamlArray -}}
{{- $_ := set $container "volumeMounts" (concat ($container.volumeMounts | default list) $mounts) -}}
{{- end -}}
{{- toYaml $container -}}
{{- end -}}
