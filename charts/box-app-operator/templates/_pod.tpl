{{/* The operator's flags. A value of null or "" is left to the operator. */}}
{{- define "box-app-operator.args" -}}
- run
{{- with .Values.watchNamespaces }}
- --namespaces={{ join "," . }}
{{- end }}
- --leader-elect
- --lease-name={{ include "box-app-operator.leaseName" . }}
- --lease-namespace={{ .Release.Namespace }}
{{- with .Values.leaderElection.leaseDuration }}
- --lease-duration={{ . }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{- if kindIs "bool" $value }}
{{- if $value }}
- --{{ kebabcase $name }}
{{- end }}
{{- else if not (has $value (list nil "")) }}
- --{{ kebabcase $name }}={{ $value }}
{{- end }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What the uninstall hook's and the test's pods have in common with the operator's. */}}
{{- define "box-app-operator.podPlacement" -}}
# The variables of a Service called box-app-operator-... would read like settings of the operator.
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
