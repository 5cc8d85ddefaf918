{{/* Values that are set and have no effect, one a line. The list is generated: files/ignored.json. */}}
{{- define "sluice.ignored" -}}
{{- range .Files.Get "files/ignored.json" | fromJsonArray }}
{{- $value := $.Values }}
{{- range .path }}
{{- $value = ternary (index (ternary $value dict (kindIs "map" $value)) .) nil (kindIs "map" $value) }}
{{- end }}
{{- if ne (toJson $value) (toJson .default) }}
  {{ join "." .path }}
{{- end }}
{{- end }}
{{- end -}}
