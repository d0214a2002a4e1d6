import type { Pod } from '@idp/api'
import { equalJson, fieldAt } from '../../json-value.ts'
import type { ServerContext } from '../../server-context.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts'
import { deny } from '../deny.ts'
import { standardText, violations, violationsText, type Level, type Standard } from './evaluate.ts'

const prefix = 'pod-security.kubernetes.io/'
/** Where workloads keep the pods they make; these are warned about, not refused. */
const templates: Readonly<Record<string, readonly string[]>> = {
  'apps/deployments': ['spec', 'template'], 'apps/replicasets': ['spec', 'template'], 'apps/statefulsets': ['spec', 'template'], 'apps/daemonsets': ['spec', 'template'],
  'batch/jobs': ['spec', 'template'], 'batch/cronjobs': ['spec', 'jobTemplate', 'spec', 'template'], '/replicationcontrollers': ['spec', 'template'], '/podtemplates': ['template'],
}

/** Enforces, warns of and notes for the audit log what a namespace's Pod Security labels say. */
export function podSecurity({ storage, registry }: Pick<ServerContext, 'storage' | 'registry'>): AdmissionPlugin {
  const labelsOf = (namespace: string): Readonly<Record<string, string>> => {
    const namespaces = registry.find('', 'v1', 'namespaces')
    return (namespaces === undefined ? undefined : storage.find(namespaces, { name: namespace })?.metadata.labels) ?? {}
  }
  return {
    name: 'PodSecurity',
    validate(request) {
      const labels = request.namespace === '' ? {} : labelsOf(request.namespace)
      if (!hasStandards(labels)) return
      const pod = podOf(request)
      if (pod === undefined) return
      const isPod = request.resource.kind.plural === 'pods'
      const enforce = standardOf(labels, 'enforce')
      const found = isPod ? violations(enforce, pod.metadata, pod.spec) : []
      if (found.length > 0) throw deny(request, `violates PodSecurity ${JSON.stringify(standardText(enforce))}: ${violationsText(found)}`)
      const warn = standardOf(labels, 'warn')
      const warned = violations(warn, pod.metadata, pod.spec)
      if (warned.length > 0) request.warnings.add(`would violate PodSecurity ${JSON.stringify(standardText(warn))}: ${violationsText(warned)}`)
      const audit = standardOf(labels, 'audit')
      const noted = violations(audit, pod.metadata, pod.spec)
      if (noted.length > 0) request.annotations?.set(`${prefix}audit-violations`, `would violate PodSecurity ${JSON.stringify(standardText(audit))}: ${violationsText(noted)}`)
    },
  }
}

/** Without a label of its own a namespace allows everything and hears of nothing. */
function hasStandards(labels: Readonly<Record<string, string>>): boolean {
  for (const key in labels) if (key.startsWith(prefix)) return true
  return false
}

/** The pod, or the template, that a request writes; undefined when nothing that matters changes. */
function podOf({ operation, resource, subresource, object, old }: AdmissionRequest): Pick<Pod, 'metadata' | 'spec'> | undefined {
  if (object === undefined || (operation !== 'CREATE' && operation !== 'UPDATE')) return undefined
  const { group, plural } = resource.kind
  if (group === '' && plural === 'pods') {
    if (subresource !== '' && subresource !== 'ephemeralcontainers' && subresource !== 'resize') return undefined
    return object as unknown as Pod
  }
  const path = templates[`${group}/${plural}`]
  if (path === undefined || subresource !== '') return undefined
  const template = fieldAt(object, path) as Pick<Pod, 'metadata' | 'spec'> | undefined
  const same = old !== undefined && equalJson(fieldAt(old, [...path, 'spec']), template?.spec)
  return template?.spec === undefined || same ? undefined : { metadata: template.metadata ?? {}, spec: template.spec }
}

function standardOf(labels: Readonly<Record<string, string>>, mode: 'enforce' | 'warn' | 'audit'): Standard {
  const level = labels[prefix + mode]
  return { level: level === 'baseline' || level === 'restricted' ? (level satisfies Level) : 'privileged', version: labels[`${prefix}${mode}-version`] ?? 'latest' }
}
