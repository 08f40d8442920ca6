{{- define "process-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "process-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "process-operator.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "process-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "process-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is required when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "process-operator.apiName" -}}
{{- printf "%s-api" (include "process-operator.fullname" .) -}}
{{- end -}}

{{- define "process-operator.apiServiceAccountName" -}}
{{- if .Values.api.serviceAccount.create -}}
{{- default (include "process-operator.apiName" .) .Values.api.serviceAccount.name -}}
{{- else -}}
{{- required "api.serviceAccount.name is required when api.serviceAccount.create is false" .Values.api.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "process-operator.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Sizes belong to the whole cluster: whoever looks after some namespaces does not make them. */}}
{{- define "process-operator.bringsSizes" -}}
{{- if and .Values.resourceTypes.install (not .Values.watchNamespaces) }}yes{{ end -}}
{{- end -}}

{{/* Labels by which a Deployment finds its pods: they never change. */}}
{{- define "process-operator.selector" -}}
app.kubernetes.io/name: {{ include "process-operator.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* metadata without the name: namespace (unless cluster-wide), labels, annotations. */}}
{{- define "process-operator.metadata" -}}
{{- if not .clusterWide }}
namespace: {{ .root.Release.Namespace }}
{{- end }}
labels:
  {{- include "process-operator.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
  app.kubernetes.io/part-of: process-operator
  app.kubernetes.io/managed-by: {{ .root.Release.Service }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .root.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := merge (dict) (default (dict) .annotations) .root.Values.commonAnnotations }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Annotations of a pod: those that are given, and those by which Prometheus finds its port. */}}
{{- define "process-operator.podAnnotations" -}}
{{- $found := dict "prometheus.io/scrape" "true" "prometheus.io/port" .port "prometheus.io/path" "/metrics" }}
{{- with merge (dict) .given (ternary $found (dict) .root.Values.metrics.annotations) }}
{{- toYaml . }}
{{- end }}
{{- end -}}

{{/* What the pods of operator and API have in common. */}}
{{- define "process-operator.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "process-operator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The right to see that Secrets change, which is one to read them: RBAC knows no metadata. */}}
{{- define "process-operator.secretsRule" -}}
{{- if .Values.watchSecrets -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch]
{{- end -}}
{{- end }}
