{{- define "common.label" -}}{{ .Release.Name }}/{{ .Chart.Name }}{{- end -}}
