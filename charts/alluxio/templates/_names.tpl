{{/* The cluster's name, from which the operator makes those of pods and services. */}}
{{- define "alluxio.name" -}}
{{- $name := .Values.fullnameOverride | default .Release.Name -}}
{{- if gt (len $name) 40 -}}
{{- fail (printf "the cluster's name %s has more than 40 characters: set a shorter fullnameOverride" $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}
