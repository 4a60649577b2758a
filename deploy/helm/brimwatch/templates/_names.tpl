{{/* What are things called, and how are they labelled? All of these take this chart's context. */}}

{{- define "brimwatch.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "brimwatch.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "brimwatch.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "brimwatch.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* A name of one part of the release: (dict "root" CONTEXT "part" "daemonset"). */}}
{{- define "brimwatch.partName" -}}
{{- printf "%s-%s" (include "brimwatch.fullname" .root | trunc 52 | trimSuffix "-") .part -}}
{{- end -}}

{{/* A name without a namespace: the namespace is in it, as two releases of one name may stand in two namespaces. */}}
{{- define "brimwatch.clusterName" -}}
{{- printf "%s-%s" (include "brimwatch.fullname" .) .Release.Namespace -}}
{{- end -}}

{{- define "brimwatch.selectorLabels" -}}
app.kubernetes.io/name: {{ include "brimwatch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "brimwatch.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "brimwatch.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What a pod with a Brimwatch carries, so that Service and monitors of this release find it. */}}
{{- define "brimwatch.podLabels" -}}
brimwatch/scraped-by: {{ .Release.Name }}
{{- end -}}

{{- define "brimwatch.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "brimwatch.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "brimwatch.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The ConfigMap of the sidecars, or of the DaemonSet: (dict "root" CONTEXT "role" "sidecar"). */}}
{{- define "brimwatch.configName" -}}
{{- $given := (get .root.Values .role).existingConfigMap -}}
{{- default (include "brimwatch.partName" (dict "root" .root "part" .role)) $given -}}
{{- end -}}
