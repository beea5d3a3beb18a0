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

{{/* Whether all of several serve, as config says. */}}
{{- define "acmegate.shares" -}}
{{- if and .Values.database.enabled (dig "store" "postgresql" "share" false (tpl .Values.config . | fromYaml)) }}yes{{ end }}
{{- end }}

{{/* What libpq takes from the environment. */}}
{{- define "acmegate.password" -}}
{{- if and .Values.database.enabled .Values.database.passwordSecretRef.name -}}
env:
  - name: PGPASSWORD
    valueFrom:
      secretKeyRef: {{- toYaml .Values.database.passwordSecretRef | nindent 8 }}
{{- end }}
{{- end }}

{{- define "acmegate.mounts" -}}
- {name: store, mountPath: /var/lib/acmegate}
{{- if .Values.database.enabled }}
- {name: store-key, mountPath: /var/lib/acmegate/store.key, subPath: store.key, readOnly: true}
{{- end }}
- {name: config, mountPath: /etc/acmegate/acmegate.yaml, subPath: acmegate.yaml, readOnly: true}
- {name: tls, mountPath: /etc/acmegate/tls, readOnly: true}
- {name: secrets, mountPath: /etc/acmegate/secrets, readOnly: true}
- {name: run, mountPath: /run/acmegate}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "acmegate.volumes" -}}
- name: config
  configMap:
    name: {{ include "acmegate.name" . }}
- name: tls
  secret:
    secretName: {{ .Values.tls.secretName }}
    defaultMode: 0440
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range .Values.secrets }}
      - secret: {name: {{ . }}}
      {{- end }}
- name: run
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 16Mi}
{{- if .Values.database.enabled }}
- name: store-key
  secret:
    secretName: {{ .Values.database.keySecretName }}
    defaultMode: 0440
{{- end }}
{{- if or .Values.database.enabled (not .Values.persistence.enabled) }}
- name: store
  emptyDir: {}
{{- end }}
{{- end }}
