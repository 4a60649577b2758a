{{/*
How does a pod become one with a sidecar when it is created? The same templates as everywhere, turned into one expression of
the Common Expression Language. A JSON patch and not an apply configuration: order counts among init containers.
*/}}

{{/* The API version to write the policy in; empty where the cluster has none that is on by default or by its operator. */}}
{{- define "brimwatch.injection.apiVersion" -}}
{{- if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
admissionregistration.k8s.io/v1
{{- else if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy" -}}
admissionregistration.k8s.io/v1beta1
{{- end -}}
{{- end -}}

{{/*
A value as CEL: every part under dyn(), as Kubernetes wants all entries of a literal to have one type. A text that begins with
"cel:" is an expression.
*/}}
{{- define "brimwatch.cel" -}}
{{- if kindIs "map" . -}}
{{- $entries := list -}}
{{- range $key, $value := . -}}
{{- $entries = append $entries (printf "%s: %s" (toJson $key) (include "brimwatch.cel" $value)) -}}
{{- end -}}
dyn({ {{- join ", " $entries -}} })
{{- else if kindIs "slice" . -}}
{{- $entries := list -}}
{{- range . -}}
{{- $entries = append $entries (include "brimwatch.cel" .) -}}
{{- end -}}
dyn([{{ join ", " $entries }}])
{{- else if kindIs "string" . -}}
{{- if hasPrefix "cel:" . -}}
dyn({{ trimPrefix "cel:" . }})
{{- else -}}
dyn({{ toJson . }})
{{- end -}}
{{- else if kindIs "float64" . -}}
dyn({{ int64 . }})
{{- else -}}
dyn({{ . }})
{{- end -}}
{{- end -}}

{{/* This chart's context as an injected sidecar sees it: native, the application's user, no Secrets of another namespace. */}}
{{- define "brimwatch.injection.values" -}}
sidecar: {native: true, runAsUser: null, runAsGroup: null}
web: {tokenSecret: {name: ""}, configSecret: {name: ""}}
hooks: {enabled: {{ .Values.injection.hooks }}}
{{- end -}}

{{/* The sidecar's user is the application's, and root where the application is: then it has to be allowed to be. */}}
{{- define "brimwatch.injection.user" -}}
runAsNonRoot: "cel:variables.user != 0"
runAsUser: "cel:variables.user"
{{- end -}}

{{/* The configuration comes from an annotation of the pod: there need not be a ConfigMap in its namespace. */}}
{{- define "brimwatch.injection.configVolume" -}}
name: brimwatch-config
downwardAPI:
  items:
    - path: brimwatch.yaml
      fieldRef: {apiVersion: v1, fieldPath: "metadata.annotations['brimwatch/config']"}
{{- end -}}

{{/* One line of the patch that puts a thing somewhere: (dict "path" PATH "value" VALUE). */}}
{{- define "brimwatch.injection.add" -}}
JSONPatch{op: "add", path: {{ toJson .path }}, value: {{ include "brimwatch.cel" .value }}}
{{- end -}}

{{/* One line that makes an empty list or mapping where there is none: (dict "has" FIELD "path" PATH "value" EMPTY). */}}
{{- define "brimwatch.injection.make" -}}
(has({{ .has }}) ? [] : [JSONPatch{op: "add", path: {{ toJson .path }}, value: {{ .value }}}])
{{- end -}}

{{/* The whole patch. */}}
{{- define "brimwatch.injection.patch" -}}
{{- $values := mustMergeOverwrite (deepCopy .Values) (include "brimwatch.injection.values" . | fromYaml) -}}
{{- $_ := set $values.sidecar "limitOf" list -}}
{{- $root := mustMerge (dict "Values" $values) (omit . "Values") -}}
{{- $containers := list -}}
{{- range include "brimwatch.initContainers" $root | fromYamlArray -}}
{{- $user := include "brimwatch.injection.user" $root | fromYaml -}}
{{- $containers = append $containers (set . "securityContext" (mustMergeOverwrite .securityContext $user)) -}}
{{- end -}}
{{- $config := include "brimwatch.injection.configVolume" $root | fromYaml -}}
{{ include "brimwatch.injection.make" (dict "has" "object.metadata.annotations" "path" "/metadata/annotations" "value" "{}") }} +
{{ include "brimwatch.injection.make" (dict "has" "object.metadata.labels" "path" "/metadata/labels" "value" "{}") }} +
{{ include "brimwatch.injection.make" (dict "has" "object.spec.initContainers" "path" "/spec/initContainers" "value" "[]") }} +
{{ include "brimwatch.injection.make" (dict "has" "object.spec.volumes" "path" "/spec/volumes" "value" "[]") }} +
(variables.configured ? [] : [
  {{ include "brimwatch.injection.add" (dict "path" "/metadata/annotations/brimwatch~1config" "value" .Values.sidecar.config) }}
]) +
[
  {{ include "brimwatch.injection.add" (dict "path" "/metadata/labels/brimwatch~1scraped-by" "value" .Release.Name) }},
  {{ include "brimwatch.injection.add" (dict "path" "/spec/shareProcessNamespace" "value" true) }},
  {{ include "brimwatch.injection.add" (dict "path" "/spec/volumes/-" "value" $config) }}
  {{- range include "brimwatch.volumes" $root | fromYamlArray }}
  {{- if ne .name "brimwatch-config" }},
  {{ include "brimwatch.injection.add" (dict "path" "/spec/volumes/-" "value" .) }}
  {{- end }}
  {{- end }}
  {{- range $index, $container := $containers }},
  {{ include "brimwatch.injection.add" (dict "path" (printf "/spec/initContainers/%d" $index) "value" $container) }}
  {{- end }}
] +
(variables.grouped ? [
  {{- $group := "cel:object.spec.containers[0].securityContext.runAsGroup" }}
  {{ include "brimwatch.injection.add" (dict "path" (printf "/spec/initContainers/%d/securityContext/runAsGroup" (sub (len $containers) 1)) "value" $group) }}
] : [])
{{- if .Values.injection.hooks }} +
{{ include "brimwatch.injection.hooks" $root }}
{{- end }}
{{- end -}}

{{/* The hooks for the first container, unless it has a PYTHONPATH of its own, which a patch cannot extend. */}}
{{- define "brimwatch.injection.hooks" -}}
{{- $first := "object.spec.containers[0]" -}}
(variables.pythonpath ? [] :
{{ include "brimwatch.injection.make" (dict "has" (print $first ".env") "path" "/spec/containers/0/env" "value" "[]") }} +
{{ include "brimwatch.injection.make" (dict "has" (print $first ".volumeMounts") "path" "/spec/containers/0/volumeMounts" "value" "[]") }} +
[
  {{- range $index, $env := include "brimwatch.hooksEnv" . | fromYamlArray }}
  {{ include "brimwatch.injection.add" (dict "path" "/spec/containers/0/env/-" "value" $env) }},
  {{- end }}
  {{- range include "brimwatch.hooksVolumeMounts" . | fromYamlArray }}
  {{ include "brimwatch.injection.add" (dict "path" "/spec/containers/0/volumeMounts/-" "value" .) }}
  {{- end }}
])
{{- end -}}
