{{/* What does the DaemonSet's pod look like? All of these take this chart's context. */}}

{{- define "brimwatch.daemonset.pod" -}}
{{- $daemonset := .Values.daemonset -}}
hostPID: true
serviceAccountName: {{ include "brimwatch.serviceAccountName" . }}
automountServiceAccountToken: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $daemonset.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $daemonset.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $daemonset.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $daemonset.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: brimwatch
    image: {{ include "brimwatch.image" . }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    command: [brimwatch]
    args:
      {{- include "brimwatch.daemon.args" (dict "root" . "role" "daemonset") | nindent 6 }}
    {{- if or $daemonset.podWatch.enabled .Values.extraEnv }}
    env:
      {{- if $daemonset.podWatch.enabled }}
      - name: NODE_NAME
        valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
      {{- end }}
      {{- with .Values.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- end }}
    ports:
      {{- include "brimwatch.daemon.ports" (dict "root" .) | nindent 6 }}
    livenessProbe:
      {{- include "brimwatch.daemon.livenessProbe" (dict "root" .) | nindent 6 }}
    readinessProbe:
      httpGet:
        path: /-/ready
        port: brimwatch
        scheme: {{ .Values.web.scheme }}
    resources:
      {{- toYaml $daemonset.resources | nindent 6 }}
    securityContext:
      {{- include "brimwatch.privilege.securityContext" . | nindent 6 }}
    volumeMounts:
      {{- include "brimwatch.daemon.volumeMounts" (dict "root" .) | nindent 6 }}
      - name: cgroup
        mountPath: /host/sys/fs/cgroup
        readOnly: {{ ne $daemonset.privilege "act" }}
      {{- if eq $daemonset.privilege "act" }}
      - name: run
        mountPath: /run/brimwatch
      {{- end }}
      {{- if $daemonset.podWatch.enabled }}
      - name: token
        mountPath: /var/run/secrets/kubernetes.io/serviceaccount
        readOnly: true
      {{- end }}
volumes:
  {{- include "brimwatch.daemonset.volumes" . | nindent 2 }}
{{- end -}}

{{- define "brimwatch.daemonset.volumes" -}}
{{- $daemonset := .Values.daemonset -}}
{{ include "brimwatch.daemon.configVolume" (dict "root" . "role" "daemonset") }}
- name: brimwatch-storage
  {{- if $daemonset.storage.hostPath }}
  hostPath: {path: {{ $daemonset.storage.hostPath }}, type: DirectoryOrCreate}
  {{- else }}
  emptyDir: {sizeLimit: {{ $daemonset.storage.sizeLimit }}}
  {{- end }}
{{- include "brimwatch.daemon.secretVolumes" (dict "root" .) }}
{{- /* A container's own /sys/fs/cgroup shows itself alone. */}}
- name: cgroup
  hostPath: {path: /sys/fs/cgroup, type: Directory}
{{- if eq $daemonset.privilege "act" }}
{{- /* Records of what has to be put back outlive the pod. */}}
- name: run
  hostPath: {path: /run/brimwatch, type: DirectoryOrCreate}
{{- end }}
{{- if $daemonset.podWatch.enabled }}
- name: token
  projected:
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3607}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end }}
{{- end -}}
