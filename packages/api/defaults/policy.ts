import type { JsonObject } from '@idp/formats'
import { child, ensure, fill, items } from './fields.ts'

const rbac = 'rbac.authorization.k8s.io'

export function defaultBinding(object: JsonObject): void {
  const roleRef = ensure(object, 'roleRef')
  if (roleRef.apiGroup === undefined || roleRef.apiGroup === '') roleRef.apiGroup = rbac
  for (const subject of items(object, 'subjects')) {
    if (subject.apiGroup === undefined && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = rbac
  }
}

export function defaultNetworkPolicy(object: JsonObject): void {
  const spec = ensure(object, 'spec')
  fill(spec, 'podSelector', {})
  const egress = items(spec, 'egress')
  if (!Array.isArray(spec.policyTypes) || spec.policyTypes.length === 0) spec.policyTypes = egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress']
  for (const rule of [...items(spec, 'ingress'), ...egress]) for (const port of items(rule, 'ports')) fill(port, 'protocol', 'TCP')
}

function defaultClientConfig(config: JsonObject | undefined): void {
  const service = child(config, 'service')
  if (service) fill(service, 'port', 443)
}

function defaultWebhook(webhook: JsonObject): void {
  fill(webhook, 'failurePolicy', 'Fail')
  fill(webhook, 'matchPolicy', 'Equivalent')
  fill(webhook, 'namespaceSelector', {})
  fill(webhook, 'objectSelector', {})
  fill(webhook, 'timeoutSeconds', 10)
  for (const rule of items(webhook, 'rules')) fill(rule, 'scope', '*')
  defaultClientConfig(child(webhook, 'clientConfig'))
}

export function defaultValidatingWebhooks(object: JsonObject): void {
  for (const webhook of items(object, 'webhooks')) defaultWebhook(webhook)
}

export function defaultMutatingWebhooks(object: JsonObject): void {
  for (const webhook of items(object, 'webhooks')) {
    defaultWebhook(webhook)
    fill(webhook, 'reinvocationPolicy', 'Never')
  }
}

function defaultMatchResources(match: JsonObject): void {
  fill(match, 'matchPolicy', 'Equivalent')
  fill(match, 'namespaceSelector', {})
  fill(match, 'objectSelector', {})
  for (const rule of [...items(match, 'resourceRules'), ...items(match, 'excludeResourceRules')]) fill(rule, 'scope', '*')
}

export function defaultAdmissionPolicy(object: JsonObject): void {
  const spec = ensure(object, 'spec')
  fill(spec, 'failurePolicy', 'Fail')
  const match = child(spec, 'matchConstraints')
  if (match) defaultMatchResources(match)
}

export function defaultAdmissionPolicyBinding(object: JsonObject): void {
  const match = child(object, 'spec', 'matchResources')
  if (match) defaultMatchResources(match)
}

export function defaultCustomResourceDefinition(object: JsonObject): void {
  const spec = ensure(object, 'spec')
  const names = ensure(spec, 'names')
  const kind = typeof names.kind === 'string' ? names.kind : ''
  if (kind !== '') {
    if (names.singular === undefined || names.singular === '') names.singular = kind.toLowerCase()
    if (names.listKind === undefined || names.listKind === '') names.listKind = `${kind}List`
  }
  const conversion = ensure(spec, 'conversion')
  fill(conversion, 'strategy', 'None')
  defaultClientConfig(child(conversion, 'webhook', 'clientConfig'))
}

export function defaultApiService(object: JsonObject): void {
  defaultClientConfig(child(object, 'spec'))
}
