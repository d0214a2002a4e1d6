{{- /* Schemas in YAML's flow style: indented once, where they are used. */ -}}
{{- define "cilium.labelSelector" -}}
{ type: object, x-kubernetes-map-type: atomic, properties: {
  matchLabels: { type: object, additionalProperties: { type: string, maxLength: 63 } },
  matchExpressions: { type: array, items: { type: object, required: [key, operator], properties: {
    key: { type: string }, operator: { type: string, enum: [In, NotIn, Exists, DoesNotExist] }, values: { type: array, items: { type: string } } } } } } }
{{- end }}
{{- define "cilium.names" -}}
{ type: array, items: { type: object, properties: {
  matchName: { type: string, maxLength: 255, pattern: '^([-a-zA-Z0-9_]+[.]?)+$' }, matchPattern: { type: string, maxLength: 255, pattern: '^(([-a-zA-Z0-9_*]+|[*]{2})[.]?)+$' } } } }
{{- end }}
{{- define "cilium.cidrSet" -}}
{ type: array, items: { type: object, properties: {
  cidr: { type: string, format: cidr }, cidrGroupRef: { type: string, maxLength: 253, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$' },
  cidrGroupSelector: {{ include "cilium.labelSelector" . }}, except: { type: array, items: { type: string, format: cidr } } } } }
{{- end }}
{{- define "cilium.http" -}}
{ type: array, items: { type: object, properties: {
  path: { type: string }, method: { type: string }, host: { type: string, format: idn-hostname }, headers: { type: array, items: { type: string } },
  headerMatches: { type: array, items: { type: object, required: [name], properties: {
    name: { type: string, minLength: 1 }, value: { type: string }, mismatch: { type: string, enum: [LOG, ADD, DELETE, REPLACE] },
    secret: { type: object, required: [name], properties: { name: { type: string }, namespace: { type: string } } } } } } } } }
{{- end }}
{{- /* Deny rules have no rules of HTTP or DNS. */ -}}
{{- define "cilium.portRules" -}}
{ type: array, items: { type: object, properties: {
  ports: { type: array, maxItems: 40, items: { type: object, required: [port], properties: {
    port: { type: string, pattern: '^(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[0-9]{1,4})|([a-zA-Z0-9]-?)*[a-zA-Z](-?[a-zA-Z0-9])*$' },
    endPort: { type: integer, format: int32, minimum: 0, maximum: 65535 }, protocol: { type: string, enum: [TCP, UDP, SCTP, ICMP, ICMPV6, ANY, VRRP, IGMP] } } } }
  {{- if not .deny }},
  rules: { type: object, properties: {
    http: {{ include "cilium.http" . }}, dns: {{ include "cilium.names" . }}, kafka: { type: array, items: { type: object, x-kubernetes-preserve-unknown-fields: true } },
    l7proto: { type: string }, l7: { type: array, items: { type: object, additionalProperties: { type: string } } } } },
  serverNames: { type: array, items: { type: string } }, terminatingTLS: { type: object, x-kubernetes-preserve-unknown-fields: true },
  originatingTLS: { type: object, x-kubernetes-preserve-unknown-fields: true }, listener: { type: object, x-kubernetes-preserve-unknown-fields: true }
  {{- end }} } } }
{{- end }}
{{- define "cilium.rule" -}}
{{- $end := .end -}}
{{- $open := "{ type: array, items: { type: object, x-kubernetes-preserve-unknown-fields: true } }" -}}
{ type: array, items: { type: object, properties: {
  {{ $end }}Endpoints: { type: array, items: {{ include "cilium.labelSelector" . }} }, {{ $end }}Requires: {{ $open }},
  {{ $end }}CIDR: { type: array, items: { type: string, format: cidr } }, {{ $end }}CIDRSet: {{ include "cilium.cidrSet" . }},
  {{ $end }}Entities: { type: array, items: { type: string, enum: [all, world, cluster, host, init, ingress, unmanaged, remote-node, health, none, kube-apiserver] } },
  {{ $end }}Groups: {{ $open }}, {{ $end }}Nodes: {{ $open }},
  {{- if eq $end "to" }}
  toServices: { type: array, items: { type: object, properties: {
    k8sService: { type: object, properties: { serviceName: { type: string }, namespace: { type: string } } },
    k8sServiceSelector: { type: object, required: [selector], properties: { selector: {{ include "cilium.labelSelector" . }}, namespace: { type: string } } } } } },
  {{- if not .deny }}
  toFQDNs: {{ include "cilium.names" . }},
  {{- end }}
  {{- end }}
  {{- if not .deny }}
  authentication: { type: object, required: [mode], properties: { mode: { type: string, enum: [disabled, required, test-always-fail] } } },
  {{- end }}
  toPorts: {{ include "cilium.portRules" . }},
  icmps: { type: array, items: { type: object, properties: { fields: { type: array, maxItems: 40, items: { type: object, required: [type], properties: {
    family: { type: string, enum: [IPv4, IPv6], default: IPv4 }, type: { x-kubernetes-int-or-string: true } } } } } } } } } }
{{- end }}
{{- define "cilium.policySpec" -}}
{{- $ingress := include "cilium.rule" (dict "end" "from") -}}
{{- $egress := include "cilium.rule" (dict "end" "to") -}}
{{- $ingressDeny := include "cilium.rule" (dict "end" "from" "deny" true) -}}
{{- $egressDeny := include "cilium.rule" (dict "end" "to" "deny" true) -}}
{ type: object, properties: {
  description: { type: string }, endpointSelector: {{ include "cilium.labelSelector" . }}, nodeSelector: {{ include "cilium.labelSelector" . }},
  ingress: {{ $ingress }}, ingressDeny: {{ $ingressDeny }}, egress: {{ $egress }}, egressDeny: {{ $egressDeny }},
  enableDefaultDeny: { type: object, properties: { ingress: { type: boolean }, egress: { type: boolean } } },
  labels: { type: array, items: { type: object, required: [key], properties: { key: { type: string }, value: { type: string }, source: { type: string } } } },
  log: { type: object, properties: { value: { type: string } } } } }
{{- end }}
{{- /* `specs` is a list of what `spec` is; spelled out once, since it is long. The operator validates both. */ -}}
{{- define "cilium.policySchema" -}}
{ type: object, required: [metadata], properties: {
  apiVersion: { type: string }, kind: { type: string }, metadata: { type: object }, spec: {{ include "cilium.policySpec" . }},
  specs: { type: array, items: { type: object, x-kubernetes-preserve-unknown-fields: true } },
  status: { type: object, properties: {
    conditions: { type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [type], items: { type: object, required: [type, status], properties: {
      type: { type: string }, status: { type: string }, lastTransitionTime: { type: string, format: date-time }, reason: { type: string }, message: { type: string } } } },
    derivativePolicies: { type: object, additionalProperties: { type: object, x-kubernetes-preserve-unknown-fields: true } } } } } }
{{- end }}
