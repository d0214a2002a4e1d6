import { deepEqual, type JsonObject } from '@idp/formats'
import { Checker, child, immutable, items } from './checker.ts'
import { notSupported } from './field-error.ts'
import { checkSelector } from './metadata.ts'
import { configMapKey, dns1123Subdomain, qualifiedName } from './names.ts'
import { checkClaimSpec } from './pod.ts'

const maxData = 1024 * 1024

function checkData(check: Checker, object: JsonObject, fields: readonly string[]): void {
  let size = 0
  for (const field of fields) {
    const data = child(object, field)
    for (const key in data) {
      for (const message of configMapKey(key)) check.invalid(`${field}[${key}]`, key, message)
      const value = String(data[key])
      size += field === 'data' && fields.includes('binaryData') ? Buffer.byteLength(value) : Math.trunc(value.length * 3 / 4)
    }
  }
  if (size > maxData) check.add({ reason: 'FieldValueTooLong', field: fields.length > 1 ? '' : 'data', message: `Too long: may not be more than ${maxData} bytes` })
}

export function checkConfigMap(check: Checker, object: JsonObject): void {
  checkData(check, object, ['data', 'binaryData'])
  for (const key in child(object, 'binaryData')) if (child(object, 'data')?.[key] !== undefined) check.invalid('data', key, 'duplicate of key present in binaryData')
}

const neededKeys: Readonly<Record<string, readonly string[]>> = { 'kubernetes.io/dockercfg': ['.dockercfg'], 'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'], 'kubernetes.io/ssh-auth': ['ssh-privatekey'], 'kubernetes.io/tls': ['tls.crt', 'tls.key'] }

export function checkSecret(check: Checker, object: JsonObject): void {
  checkData(check, object, ['data'])
  const type = String(object.type ?? '')
  const data = child(object, 'data') ?? {}
  for (const key of neededKeys[type] ?? []) if (data[key] === undefined) check.required(`data[${key}]`)
  if (type === 'kubernetes.io/dockerconfigjson' && typeof data['.dockerconfigjson'] === 'string' && !isJson(data['.dockerconfigjson'])) check.invalid('data[.dockerconfigjson]', '<secret contents redacted>', 'invalid character')
  if (type === 'kubernetes.io/basic-auth' && data.username === undefined && data.password === undefined) {
    check.required('data[username]')
    check.required('data[password]')
  }
  if (type === 'kubernetes.io/service-account-token' && !child(object, 'metadata', 'annotations')?.['kubernetes.io/service-account.name']) check.required('metadata.annotations[kubernetes.io/service-account.name]')
}

function isJson(base64: string): boolean {
  try {
    JSON.parse(Buffer.from(base64, 'base64').toString())
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

const immutableText = 'field is immutable when `immutable` is set'

/** ConfigMaps and Secrets that are marked immutable. */
export function checkDataUpdate(check: Checker, object: JsonObject, old: JsonObject): void {
  if (object.kind === 'Secret') check.immutable(object, old, '', 'type', immutable)
  if (old.immutable !== true) return
  if (object.immutable !== true) check.forbidden('immutable', immutableText)
  for (const field of ['data', 'binaryData']) if (!deepEqual(object[field], old[field])) check.forbidden(field, immutableText)
}

export function checkClaim(check: Checker, object: JsonObject): void {
  checkClaimSpec(check, child(object, 'spec') ?? {}, 'spec')
}

export function checkClaimUpdate(check: Checker, object: JsonObject, old: JsonObject): void {
  const comparable = (claim: JsonObject) => {
    const { volumeName: _, volumeAttributesClassName: __, ...spec } = child(claim, 'spec') ?? {}
    return { ...spec, resources: { ...child(spec, 'resources'), requests: null } }
  }
  const before = child(old, 'spec') ?? {}
  const bound = before.volumeName !== undefined && before.volumeName !== ''
  if (!deepEqual(comparable(object), comparable(old)) || (bound && child(object, 'spec')?.volumeName !== before.volumeName)) {
    check.forbidden('spec', 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims')
  }
}

const volumeFields = new Set(['capacity', 'accessModes', 'claimRef', 'persistentVolumeReclaimPolicy', 'storageClassName', 'mountOptions', 'volumeMode', 'nodeAffinity', 'volumeAttributesClassName'])

export function checkPersistentVolume(check: Checker, object: JsonObject): void {
  const spec = child(object, 'spec') ?? {}
  if (!Array.isArray(spec.accessModes) || spec.accessModes.length === 0) check.required('spec.accessModes')
  if (child(spec, 'capacity') === undefined) check.required('spec.capacity')
  else if (child(spec, 'capacity')?.storage === undefined) check.add(notSupported('spec.capacity', child(spec, 'capacity'), ['storage']))
  check.oneOf(spec, 'spec', 'persistentVolumeReclaimPolicy', ['Delete', 'Recycle', 'Retain'])
  const sources = Object.keys(spec).filter((field) => !volumeFields.has(field))
  if (sources.length === 0) check.required('spec', 'must specify a volume type')
  for (const source of sources.slice(1)) check.forbidden(`spec.${source}`, 'may not specify more than 1 volume type')
}

export function checkStorageClass(check: Checker, object: JsonObject): void {
  check.text(object, '', 'provisioner')
  check.oneOf(object, '', 'reclaimPolicy', ['Delete', 'Retain'])
  check.oneOf(object, '', 'volumeBindingMode', ['Immediate', 'WaitForFirstConsumer'])
}

export function checkStorageClassUpdate(check: Checker, object: JsonObject, old: JsonObject): void {
  for (const field of ['parameters', 'provisioner', 'reclaimPolicy']) if (!deepEqual(object[field], old[field])) check.forbidden(field, `updates to ${field} are forbidden.`)
  check.immutable(object, old, '', 'volumeBindingMode', immutable)
}

const maxUserPriority = 1_000_000_000

export function checkPriorityClass(check: Checker, object: JsonObject): void {
  const name = String(child(object, 'metadata')?.name ?? '')
  const system = ['system-cluster-critical', 'system-node-critical'].includes(name)
  if (name.startsWith('system-') && !system) check.forbidden('metadata.name', "priority class names with 'system-' prefix are reserved for system use only. error: this class is not a system priority class")
  if (!system && Number(object.value ?? 0) > maxUserPriority) check.forbidden('value', `maximum allowed value of a user defined priority is ${maxUserPriority}`)
  check.oneOf(object, '', 'preemptionPolicy', ['Never', 'PreemptLowerPriority'])
}

export function checkPriorityClassUpdate(check: Checker, object: JsonObject, old: JsonObject): void {
  if (object.value !== old.value) check.forbidden('value', 'may not be changed in an update.')
  check.immutable(object, old, '', 'preemptionPolicy', immutable)
}

export function checkResourceQuota(check: Checker, object: JsonObject): void {
  for (const name in child(object, 'spec', 'hard')) check.name(`spec.hard[${name}]`, name, qualifiedName)
}

export function checkRole(check: Checker, object: JsonObject): void {
  const namespaced = object.kind === 'Role'
  for (const [index, rule] of items(object, 'rules').entries()) {
    const at = `rules[${index}]`
    const has = (field: string) => Array.isArray(rule[field]) && rule[field].length > 0
    if (!has('verbs')) check.required(`${at}.verbs`, 'verbs must contain at least one value')
    if (has('nonResourceURLs')) {
      if (namespaced) check.invalid(`${at}.nonResourceURLs`, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs')
      if (has('apiGroups') || has('resources') || has('resourceNames')) check.invalid(`${at}.nonResourceURLs`, rule.nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs')
      continue
    }
    if (!has('apiGroups')) check.required(`${at}.apiGroups`, 'resource rules must supply at least one api group')
    if (!has('resources')) check.required(`${at}.resources`, 'resource rules must supply at least one resource')
  }
  for (const [index, selector] of items(child(object, 'aggregationRule'), 'clusterRoleSelectors').entries()) checkSelector(check, selector, `aggregationRule.clusterRoleSelectors[${index}]`)
}

export function checkBinding(check: Checker, object: JsonObject): void {
  const roleRef = child(object, 'roleRef') ?? {}
  const namespaced = object.kind === 'RoleBinding'
  if (roleRef.apiGroup !== 'rbac.authorization.k8s.io') check.add(notSupported('roleRef.apiGroup', roleRef.apiGroup ?? '', ['rbac.authorization.k8s.io']))
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole']
  if (!kinds.includes(String(roleRef.kind))) check.add(notSupported('roleRef.kind', roleRef.kind ?? '', kinds))
  check.text(roleRef, 'roleRef', 'name')
  for (const [index, subject] of items(object, 'subjects').entries()) {
    const at = `subjects[${index}]`
    check.text(subject, at, 'name')
    if (subject.kind === 'ServiceAccount') {
      if (typeof subject.name === 'string' && subject.name !== '') check.name(`${at}.name`, subject.name, dns1123Subdomain)
      if (subject.apiGroup !== undefined && subject.apiGroup !== '') check.add(notSupported(`${at}.apiGroup`, subject.apiGroup, ['']))
      if (!namespaced || subject.namespace === undefined) check.text(subject, at, 'namespace')
    } else if (subject.kind === 'User' || subject.kind === 'Group') {
      if (subject.apiGroup !== 'rbac.authorization.k8s.io') check.add(notSupported(`${at}.apiGroup`, subject.apiGroup ?? '', ['rbac.authorization.k8s.io']))
    } else check.add(notSupported(`${at}.kind`, subject.kind ?? '', ['ServiceAccount', 'User', 'Group']))
  }
}

export function checkBindingUpdate(check: Checker, object: JsonObject, old: JsonObject): void {
  if (!deepEqual(object.roleRef, old.roleRef)) check.invalid('roleRef', object.roleRef, 'cannot change roleRef')
}

export function checkWebhooks(check: Checker, object: JsonObject): void {
  const webhooks = items(object, 'webhooks')
  check.unique(webhooks, 'webhooks', 'name')
  for (const [index, webhook] of webhooks.entries()) {
    const at = `webhooks[${index}]`
    const name = check.text(webhook, at, 'name')
    if (name !== undefined && name.split('.').length < 3) check.invalid(`${at}.name`, name, 'should be a domain with at least three segments separated by dots')
    else if (name !== undefined) check.name(`${at}.name`, name, dns1123Subdomain)
    const config = child(webhook, 'clientConfig') ?? {}
    if ((config.url === undefined) === (config.service === undefined)) check.required(`${at}.clientConfig`, 'exactly one of url or service is required')
    if (typeof config.url === 'string' && !config.url.startsWith('https://')) check.invalid(`${at}.clientConfig.url`, config.url.split(':')[0], '\'https\' is the only allowed URL scheme; desired format: https://host[/path]')
    if (webhook.sideEffects === undefined) check.required(`${at}.sideEffects`, 'must specify one of None, NoneOnDryRun')
    check.oneOf(webhook, at, 'sideEffects', ['None', 'NoneOnDryRun'])
    check.oneOf(webhook, at, 'failurePolicy', ['Fail', 'Ignore'])
    check.oneOf(webhook, at, 'matchPolicy', ['Equivalent', 'Exact'])
    if (!Array.isArray(webhook.admissionReviewVersions) || webhook.admissionReviewVersions.length === 0) check.required(`${at}.admissionReviewVersions`, 'must specify one of v1, v1beta1')
    if (typeof webhook.timeoutSeconds === 'number' && (webhook.timeoutSeconds < 1 || webhook.timeoutSeconds > 30)) check.invalid(`${at}.timeoutSeconds`, webhook.timeoutSeconds, 'the timeout value must be between 1 and 30 seconds')
    checkSelector(check, child(webhook, 'namespaceSelector'), `${at}.namespaceSelector`)
    checkSelector(check, child(webhook, 'objectSelector'), `${at}.objectSelector`)
    for (const [position, rule] of items(webhook, 'rules').entries()) for (const field of ['operations', 'apiGroups', 'apiVersions', 'resources']) if (!Array.isArray(rule[field]) || rule[field].length === 0) check.required(`${at}.rules[${position}].${field}`)
  }
}

export function checkApiService(check: Checker, object: JsonObject): void {
  const spec = child(object, 'spec') ?? {}
  const name = String(child(object, 'metadata')?.name ?? '')
  const want = `${spec.version ?? ''}.${spec.group ?? ''}`
  if (name !== want) check.invalid('metadata.name', name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(want)}`)
}
