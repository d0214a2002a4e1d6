import type { AnyObject, Json, JsonObject } from '@idp/formats'

/** An object that another names and cannot do without. */
export interface Referenced { readonly group: string; readonly kind: string; readonly namespace: string; readonly name: string; readonly path: string }

const isMapping = (value: unknown): value is JsonObject => value !== null && typeof value === 'object' && !Array.isArray(value)
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/** ConfigMaps, Secrets, claims and ServiceAccounts of pods; backends of routes and Ingresses. What is `optional` does not count. */
export function objectReferences(object: AnyObject): Referenced[] {
  const namespace = object.metadata.namespace ?? 'default'
  const spec = isMapping(object['spec']) ? object['spec'] : {}
  const pod = podSpecOf(object.kind, spec)
  if (pod !== undefined) return podReferences(pod.spec, { namespace, path: pod.path, claims: claimTemplates(spec) })
  if (/^(HTTP|GRPC|TCP|TLS|UDP)Route$/.test(object.kind)) return routeReferences(spec, namespace)
  if (object.kind === 'RoleBinding' || object.kind === 'ClusterRoleBinding') return []
  return object.kind === 'Ingress' ? ingressReferences(spec, namespace) : []
}

function podSpecOf(kind: string, spec: JsonObject): { spec: JsonObject; path: string } | undefined {
  if (kind === 'Pod') return { spec, path: 'spec' }
  const at = (value: unknown, path: string) => (isMapping(value) && isMapping(value['spec']) ? { spec: value['spec'], path } : undefined)
  if (['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'Rollout'].includes(kind)) return at(spec['template'], 'spec.template.spec')
  const job = spec['jobTemplate']
  return kind === 'CronJob' && isMapping(job) && isMapping(job['spec']) ? at(job['spec']['template'], 'spec.jobTemplate.spec.template.spec') : undefined
}

const claimTemplates = (spec: JsonObject): ReadonlySet<string> => new Set((Array.isArray(spec['volumeClaimTemplates']) ? spec['volumeClaimTemplates'] : []).flatMap((one) => (isMapping(one) && isMapping(one['metadata']) ? [String(one['metadata']['name'])] : [])))

interface At { readonly namespace: string; readonly path: string; readonly claims: ReadonlySet<string> }

function podReferences(pod: JsonObject, { namespace, path }: At): Referenced[] {
  const found: Referenced[] = []
  const add = (kind: string, name: string | undefined, at: string, optional: unknown): void => {
    if (name !== undefined && optional !== true) found.push({ group: '', kind, namespace, name, path: at })
  }
  add('ServiceAccount', text(pod['serviceAccountName']), `${path}.serviceAccountName`, false)
  const each = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isMapping) : [])
  for (const secret of each(pod['imagePullSecrets'])) add('Secret', text(secret['name']), `${path}.imagePullSecrets`, false)
  const volume = (one: JsonObject, at: string): void => {
    const { configMap, secret, persistentVolumeClaim: claim, projected } = one
    if (isMapping(configMap)) add('ConfigMap', text(configMap['name']), at, configMap['optional'])
    if (isMapping(secret)) add('Secret', text(secret['secretName'] ?? secret['name']), at, secret['optional'])
    if (isMapping(claim)) add('PersistentVolumeClaim', text(claim['claimName']), at, false)
    if (isMapping(projected)) for (const source of each(projected['sources'])) volume(source, at)
  }
  for (const one of each(pod['volumes'])) volume(one, `${path}.volumes[${String(one['name'])}]`)
  for (const container of [...each(pod['initContainers']), ...each(pod['containers'])]) {
    const at = `${path}.containers[${String(container['name'])}]`
    for (const { configMapRef, secretRef } of each(container['envFrom'])) {
      if (isMapping(configMapRef)) add('ConfigMap', text(configMapRef['name']), `${at}.envFrom`, configMapRef['optional'])
      if (isMapping(secretRef)) add('Secret', text(secretRef['name']), `${at}.envFrom`, secretRef['optional'])
    }
    for (const { name, valueFrom } of each(container['env'])) {
      const { configMapKeyRef, secretKeyRef } = isMapping(valueFrom) ? valueFrom : {} as JsonObject
      if (isMapping(configMapKeyRef)) add('ConfigMap', text(configMapKeyRef['name']), `${at}.env[${String(name)}]`, configMapKeyRef['optional'])
      if (isMapping(secretKeyRef)) add('Secret', text(secretKeyRef['name']), `${at}.env[${String(name)}]`, secretKeyRef['optional'])
    }
  }
  return found
}

function routeReferences(spec: JsonObject, namespace: string): Referenced[] {
  const rules = Array.isArray(spec['rules']) ? spec['rules'] : []
  return rules.flatMap((rule: Json, at) => (isMapping(rule) && Array.isArray(rule['backendRefs']) ? rule['backendRefs'] : []).flatMap((backend): Referenced[] => {
    if (!isMapping(backend) || (backend['kind'] ?? 'Service') !== 'Service') return []
    return [{ group: '', kind: 'Service', namespace: text(backend['namespace']) ?? namespace, name: String(backend['name']), path: `spec.rules[${at}].backendRefs` }]
  }))
}

function ingressReferences(spec: JsonObject, namespace: string): Referenced[] {
  const names: string[] = []
  const visit = (value: Json | undefined): void => {
    if (Array.isArray(value)) value.forEach(visit)
    else if (isMapping(value)) {
      const service = value['service']
      if (isMapping(service) && typeof service['name'] === 'string') names.push(service['name'])
      else Object.values(value).forEach(visit)
    }
  }
  visit(spec)
  return names.map((name) => ({ group: '', kind: 'Service', namespace, name, path: 'spec.rules' }))
}
