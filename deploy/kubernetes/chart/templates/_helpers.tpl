{{- define "acmegate.name" -}}
{{- if contains "acmegate" .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-acmegate" .Release.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "acmegate.selector" -}}
app.kubernetes.io/name: acmegate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "acmegate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "acmegate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* A Service's spec: values, name of the port, port of the pod. */}}
{{- define "acmegate.service" -}}
{{- $values := index . 0 -}}
type: {{ $values.type }}
{{- with $values.loadBalancerIP }}
loadBalancerIP: {{ . }}
{{- end }}
{{- with $values.externalTrafficPolicy }}
externalTrafficPolicy: {{ . }}
{{- end }}
ports:
  - name: {{ index . 1 }}
    port: {{ $values.port }}
    targetPort: {{ index . 1 }}
{{- end }}

{{/* Host and path of what Sectigo asks for: domain control at each host, pushes at one. */}}
{{- define "acmegate.places" -}}
{{- range .Values.dcv.hosts }}
- {host: {{ . | quote }}, path: /.well-known/pki-validation/}
{{- end }}
{{- with .Values.dcv.pushHost }}
- {host: {{ . | quote }}, path: /push/sectigo}
{{- end }}
{{- end }}
