{{/*
The rights of the operator have one source, files/cluster-rules.yaml. Watching the whole cluster it gets them as they
stand there; watching a list of namespaces, what is cluster-scoped in a ClusterRole and everything else in a Role per
namespace. A kind that is not named here counts as namespaced, so that a new one can never slip into the ClusterRole.
*/}}
{{- define "box-app-operator.clusterScoped" -}}
["boxenterprises", "boxenterprises/status", "namespaces"]
{{- end -}}

{{/* The rules for cluster-scoped kinds, or for all others: dict "root" $ "scope" ("cluster" or "namespaced"). */}}
{{- define "box-app-operator.rules" -}}
{{- $clusterScoped := include "box-app-operator.clusterScoped" .root | fromJsonArray -}}
{{- range .root.Files.Get "files/cluster-rules.yaml" | fromYamlArray }}
{{- $resources := list }}
{{- range .resources }}
{{- if eq (has . $clusterScoped) (eq $.scope "cluster") }}
{{- $resources = append $resources . }}
{{- end }}
{{- end }}
{{- if $resources }}
- apiGroups: {{ toJson .apiGroups }}
  resources: {{ toJson $resources }}
  verbs: {{ toJson .verbs }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Names of the Secrets that BoxEnterprises refer to, by namespace, as JSON: what rbac.credentialSecrets lists and what the
chart's own BoxEnterprise refers to. Namespaces that are watched are left out: all their Secrets can be read anyway.
*/}}
{{- define "box-app-operator.credentialSecrets" -}}
{{- $refs := .Values.rbac.credentialSecrets -}}
{{- if .Values.enterprise.create -}}
{{- $spec := .Values.enterprise.spec -}}
{{- range list (dig "console" "credentialsSecretRef" nil $spec) (dig "platform" "caSecretRef" nil $spec) -}}
{{- if . -}}
{{- $refs = append $refs . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $names := dict -}}
{{- range $refs -}}
{{- $namespace := .namespace | default $.Release.Namespace -}}
{{- if not (has $namespace $.Values.watchNamespaces) -}}
{{- $_ := set $names $namespace (append (get $names $namespace | default list) .name | uniq | sortAlpha) -}}
{{- end -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}
