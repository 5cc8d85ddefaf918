{{/* What the pods of operator and webhook have in common: src/installation/operator-pod.ts says the same. */}}

{{- define "sluice.placement" -}}
{{- $pod := .Values.operatorPod }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.dnsPolicy }}
dnsPolicy: {{ . | quote }}
{{- end }}
{{- with $pod.dnsConfig }}
dnsConfig: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Of a list: the root, the number of replicas, the value of the pods' label. */}}
{{- define "sluice.spread" -}}
{{- $chosen := (index . 0).Values.operatorPod.topologySpreadConstraints }}
{{- if $chosen }}
topologySpreadConstraints: {{- toYaml $chosen | nindent 2 }}
{{- else if gt (int (index . 1)) 1 }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        app.kubernetes.io/name: {{ index . 2 | quote }}
{{- end }}
{{- end -}}

{{- define "sluice.probes" -}}
startupProbe:
  httpGet:
    path: /healthz
    port: health
  timeoutSeconds: 5
  {{- toYaml .Values.operatorHealth.startupProbe | nindent 2 }}
livenessProbe:
  httpGet:
    path: /healthz
    port: health
  timeoutSeconds: 5
  {{- toYaml .Values.operatorHealth.livenessProbe | nindent 2 }}
readinessProbe:
  httpGet:
    path: /readyz
    port: health
  timeoutSeconds: 5
  periodSeconds: 1
{{- end -}}

{{/* The rules, with what each is for, are generated. */}}
{{- define "sluice.rules" -}}
{{ .Files.Get "files/rules.yaml" | replace "FULLNAME" (include "sluice.fullname" .) }}
{{- end -}}
