{{/* The name of the chart, or what replaces it. */}}
{{- define "box-app-operator.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of the objects: that of the release, with the chart's unless it is a part of it. 42 characters leave room
     for the suffixes in a name of 63. */}}
{{- define "box-app-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 42 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "box-app-operator.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 42 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 42 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "box-app-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "box-app-operator.fullname" .) -}}
{{- else -}}
{{- required "serviceAccount.create is false: serviceAccount.name must say which account the operator runs as" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Labels of every object. */}}
{{- define "box-app-operator.labels" -}}
{{ include "box-app-operator.instanceLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: box-app-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of every pod of the release: what the NetworkPolicy selects. */}}
{{- define "box-app-operator.instanceLabels" -}}
app.kubernetes.io/name: {{ include "box-app-operator.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* Labels of the operator's pods and of no other pods of the release. */}}
{{- define "box-app-operator.selectorLabels" -}}
{{ include "box-app-operator.instanceLabels" . }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "box-app-operator.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "box-app-operator.leaseName" -}}
{{- .Values.leaderElection.leaseName | default (include "box-app-operator.fullname" .) -}}
{{- end -}}

{{/* The port of settings.healthAddress: of the probes and the metrics. */}}
{{- define "box-app-operator.port" -}}
{{- regexFind "[0-9]+$" .Values.settings.healthAddress -}}
{{- end -}}
