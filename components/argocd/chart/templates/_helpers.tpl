{{- define "argo-cd.fullname" -}}
{{- if .Values.fullnameOverride -}}{{ .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "argo-cd.namespace" -}}{{ default .Release.Namespace .Values.namespaceOverride }}{{- end -}}

{{- define "argo-cd.version" -}}{{ default .Chart.AppVersion .Values.global.image.tag }}{{- end -}}

{{/* Labels of an object; takes root, name (last word of the part) and component. */}}
{{- define "argo-cd.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: argocd
app.kubernetes.io/version: {{ include "argo-cd.version" .root | quote }}
{{- with .root.Values.global.additionalLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "argo-cd.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{- define "argo-cd.image" -}}
{{ default .root.Values.global.image.repository .values.image.repository }}:{{ default (include "argo-cd.version" .root) .values.image.tag }}
{{- end -}}

{{/* What pods of every part share: placement, priority, grace. */}}
{{- define "argo-cd.pod" -}}
{{- with .root.Values.global.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with (default .root.Values.global.priorityClassName .values.priorityClassName) }}
priorityClassName: {{ . }}
{{- end }}
terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds }}
{{- with (default .root.Values.global.nodeSelector .values.nodeSelector) }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with (default .root.Values.global.tolerations .values.tolerations) }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- if .values.affinity }}
affinity: {{ toYaml .values.affinity | nindent 2 }}
{{- else }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        labelSelector:
          matchLabels: { app.kubernetes.io/name: {{ .name }} }
        topologyKey: kubernetes.io/hostname
{{- end }}
{{- with (default .root.Values.global.topologySpreadConstraints .values.topologySpreadConstraints) }}
topologySpreadConstraints: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "argo-cd.probe" -}}
{{- $p := .probe -}}
httpGet: { path: {{ .path | quote }}, port: {{ .port }}{{ if .https }}, scheme: HTTPS{{ end }} }
initialDelaySeconds: {{ $p.initialDelaySeconds }}
periodSeconds: {{ $p.periodSeconds }}
timeoutSeconds: {{ $p.timeoutSeconds }}
successThreshold: {{ $p.successThreshold }}
failureThreshold: {{ $p.failureThreshold }}
{{- end -}}

{{- define "argo-cd.security" -}}
allowPrivilegeEscalation: false
capabilities: { drop: [ALL] }
readOnlyRootFilesystem: true
runAsNonRoot: true
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{/* An environment variable from argocd-cmd-params-cm: list of name and key. */}}
{{- define "argo-cd.params" -}}
{{- range . }}
- name: {{ index . 0 }}
  valueFrom: { configMapKeyRef: { name: argocd-cmd-params-cm, key: {{ index . 1 }}, optional: true } }
{{- end }}
{{- end -}}
