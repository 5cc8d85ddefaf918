{{/* Names and labels: src/installation/release.ts says the same. */}}

{{- define "sluice.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $chart := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $chart) (contains $chart .Release.Name) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sluice.operatorServiceAccount" -}}
{{- $account := .Values.operatorServiceAccount -}}
{{- default (ternary (include "sluice.fullname" .) "default" $account.create) $account.name -}}
{{- end -}}

{{/* By which the operator's pods are found; never changes, as a Deployment's selector cannot. */}}
{{- define "sluice.selector" -}}
app.kubernetes.io/name: {{ include "sluice.fullname" . | quote }}
{{- end -}}

{{- define "sluice.labels" -}}
{{- with omit (default dict .Values.commonLabels) "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/version" "app.kubernetes.io/part-of" "app.kubernetes.io/managed-by" }}
{{- toYaml . }}
{{ end -}}
{{ include "sluice.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: sluice
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Of a list of maps, later ones win. (merge takes an empty value for none.) */}}
{{- define "sluice.merged" -}}
{{- $merged := dict -}}
{{- range . -}}
{{- range $name, $value := . -}}
{{- $_ := set $merged $name $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $merged -}}
{{- end -}}

{{- define "sluice.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The file that --config names. */}}
{{- define "sluice.configurationFile" -}}
{{ ternary "flink-conf.yaml" "config.yaml" (not (empty (index .Values.defaultConfiguration "flink-conf.yaml"))) }}
{{- end -}}

{{/* Where Flink's own pods get an account: a JSON list. */}}
{{- define "sluice.jobNamespaces" -}}
{{- coalesce .Values.jobServiceAccount.namespaces .Values.watchNamespaces (list .Release.Namespace) | toJson -}}
{{- end -}}

{{/* What no schema can say: src/installation/read-values.ts says the same. */}}
{{- define "sluice.check" -}}
{{- $files := .Values.defaultConfiguration -}}
{{- if and (index $files "config.yaml") (index $files "flink-conf.yaml") -}}
{{- fail "defaultConfiguration: has both config.yaml and flink-conf.yaml; keep one of the two" -}}
{{- end -}}
{{- if hasSuffix "flink-kubernetes-operator" .Values.image.repository -}}
{{- fail "image.repository: is the Apache operator's image; name Sluice's, or remove image from your values" -}}
{{- end -}}
{{- range $index, $object := .Values.extraObjects -}}
{{- if not (and $object.apiVersion $object.kind (dig "metadata" "name" "" $object)) -}}
{{- fail (printf "extraObjects[%d]: is no object of Kubernetes; give it apiVersion, kind and metadata.name" $index) -}}
{{- end -}}
{{- end -}}
{{- end -}}
