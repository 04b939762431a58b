{{- define "flowtrace.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "flowtrace.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "flowtrace.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "flowtrace.selector" -}}
app.kubernetes.io/name: {{ include "flowtrace.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "flowtrace.labels" -}}
{{ include "flowtrace.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "flowtrace.account" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "flowtrace.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "flowtrace.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A switch of the configuration as a word: YAML has made true and false of on and off. */}}
{{- define "flowtrace.word" -}}
{{- if kindIs "invalid" .value -}}
{{- .default -}}
{{- else if kindIs "bool" .value -}}
{{- ternary "on" "off" .value -}}
{{- else -}}
{{- toString .value -}}
{{- end -}}
{{- end -}}

{{/* What the configuration wants: `yes` or nothing. */}}
{{- define "flowtrace.wantsProcesses" -}}
{{- if ne "off" (include "flowtrace.word" (dict "value" .Values.config.processes "default" "on")) -}}yes{{- end -}}
{{- end -}}

{{- define "flowtrace.wantsRuntimes" -}}
{{- if and (include "flowtrace.wantsProcesses" .) (ne "off" (include "flowtrace.word" (dict "value" .Values.config.container_runtimes "default" "on"))) -}}yes{{- end -}}
{{- end -}}

{{- define "flowtrace.wantsNamespaces" -}}
{{- if ne "own" (toString .Values.config.namespaces) -}}yes{{- end -}}
{{- end -}}

{{/* The opt-in groups of attributes that some output has, as a JSON list; they decide what is watched. */}}
{{- define "flowtrace.groups" -}}
{{- $groups := list -}}
{{- range $output := prepend (.Values.config.otlp | default list) .Values.config -}}
{{- $groups = concat $groups ($output.attributes | default list) -}}
{{- end -}}
{{- if has "all" $groups -}}
{{- $groups = list "k8s.annotations" "k8s.labels" "k8s.uid" "network.policy" -}}
{{- end -}}
{{- toJson $groups -}}
{{- end -}}

{{/* Whether labels or annotations are wanted: `yes` or nothing. */}}
{{- define "flowtrace.wantsDetails" -}}
{{- $groups := include "flowtrace.groups" . | fromJsonArray -}}
{{- $kubernetes := .Values.config.kubernetes | default dict -}}
{{- range $name := list "labels" "annotations" -}}
{{- $isEmpty := and (hasKey $kubernetes $name) (not (get $kubernetes $name)) -}}
{{- if and (has (printf "k8s.%s" $name) $groups) (not $isEmpty) -}}yes{{- end -}}
{{- end -}}
{{- end -}}

{{/* Where the agent listens; nothing where it does not. What is no address is the program's to refuse. */}}
{{- define "flowtrace.listens" -}}
{{- $http := include "flowtrace.word" (dict "value" .Values.config.http "default" "127.0.0.1:9464") -}}
{{- if ne "off" $http -}}{{- $http -}}{{- end -}}
{{- end -}}

{{- define "flowtrace.port" -}}
{{- regexFind "[0-9]+$" (include "flowtrace.listens" .) -}}
{{- end -}}

{{/* Whether nobody but the node can reach it: `yes` or nothing. */}}
{{- define "flowtrace.isLoopback" -}}
{{- if regexMatch "^(127\\.|\\[::1\\])" (include "flowtrace.listens" .) -}}yes{{- end -}}
{{- end -}}

{{/* The least that the configuration can do with; measured, see docs/decisions/0058. */}}
{{- define "flowtrace.capabilities" -}}
{{- $capabilities := list "BPF" "PERFMON" "NET_ADMIN" -}}
{{- if include "flowtrace.wantsNamespaces" . -}}
{{- $capabilities = concat $capabilities (list "SYS_ADMIN" "NET_BROADCAST") -}}
{{- end -}}
{{- if include "flowtrace.wantsProcesses" . -}}
{{- $capabilities = concat $capabilities (list "SYS_PTRACE" "DAC_READ_SEARCH") -}}
{{- end -}}
{{- concat $capabilities .Values.security.extraCapabilities | uniq | toJson -}}
{{- end -}}
