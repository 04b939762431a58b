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

{{/* The configuration file as the pods get it. */}}
{{- define "flowtrace.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- range $key := list "processes" "container_runtimes" -}}
{{- if hasKey $config $key -}}
{{- $_ := set $config $key (include "flowtrace.word" (dict "value" (get $config $key))) -}}
{{- end -}}
{{- end -}}
{{- toYaml $config -}}
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

{{/* The groups of attributes of all outputs, between commas. */}}
{{- define "flowtrace.groups" -}}
{{- $groups := list -}}
{{- range $output := concat (list .Values.config) (.Values.config.otlp | default list) -}}
{{- $given := $output.attributes | default list -}}
{{- $groups = concat $groups (kindIs "slice" $given | ternary $given (splitList "," (toString $given))) -}}
{{- end -}}
{{- join "," $groups -}}
{{- end -}}

{{/* What is watched follows from the attributes (flowtrace_kubernetes::Needs): `yes` or nothing. */}}
{{- define "flowtrace.wantsDetails" -}}
{{- $groups := splitList "," (include "flowtrace.groups" .) -}}
{{- if or (has "k8s.labels" $groups) (has "k8s.annotations" $groups) (has "all" $groups) -}}yes{{- end -}}
{{- end -}}

{{- define "flowtrace.wantsPolicies" -}}
{{- $groups := splitList "," (include "flowtrace.groups" .) -}}
{{- if or (has "network.policy" $groups) (has "all" $groups) -}}yes{{- end -}}
{{- end -}}

{{- define "flowtrace.wantsNamespaceObjects" -}}
{{- $groups := splitList "," (include "flowtrace.groups" .) -}}
{{- if or (has "k8s.uid" $groups) (include "flowtrace.wantsDetails" .) (include "flowtrace.wantsPolicies" .) -}}yes{{- end -}}
{{- end -}}

{{/* The port of http.listen; nothing where it is off. */}}
{{- define "flowtrace.port" -}}
{{- $listen := dig "http" "listen" "127.0.0.1:9464" .Values.config | toString -}}
{{- if not (has $listen (list "off" "false" "")) -}}
{{- regexFind "[0-9]+$" $listen -}}
{{- end -}}
{{- end -}}

{{/* Whether nobody but the node can reach it. */}}
{{- define "flowtrace.isLoopback" -}}
{{- if regexMatch "^(127\\.|localhost:|\\[::1\\])" (dig "http" "listen" "127.0.0.1:9464" .Values.config | toString) -}}yes{{- end -}}
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
