{{- define "kube-prometheus-stack.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: kube-prometheus-stack
release: {{ .Release.Name | quote }}
{{- end }}
{{/* A selector of the Prometheus resource: the given one, the release's own objects, or everything where the values say so. */}}
{{- define "kube-prometheus-stack.selector" -}}
{{- $root := index . 0 -}}
{{- $what := index . 1 -}}
{{- $spec := $root.Values.prometheus.prometheusSpec -}}
{{- $given := index $spec (printf "%sSelector" $what) -}}
{{- if $given -}}
{{ toJson $given }}
{{- else if index $spec (printf "%sSelectorNilUsesHelmValues" $what) -}}
{{ toJson (dict "matchLabels" (dict "release" $root.Release.Name)) }}
{{- else -}}
{}
{{- end -}}
{{- end }}
