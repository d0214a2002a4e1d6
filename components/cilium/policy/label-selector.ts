import type { LabelSelector } from '../kinds/cilium.ts'
import { namespaceKey, namespaceLabelsPrefix, type SecurityLabels } from './labels.ts'

/** Whether an identity's labels are selected. */
export type Matches = (labels: SecurityLabels) => boolean

/** Where the policy is: selectors of one in a namespace select within it, unless they say otherwise. */
export interface Scope {
  /** Undefined: clusterwide. */
  readonly namespace?: string
}

const sources = ['k8s', 'reserved', 'cidr', 'cidrgroup', 'unspec']

/** Parts of a key: `k8s:app`, `reserved:host`, `any:app` and `app` (any source). */
function parseKey(key: string): { readonly source: string; readonly key: string } {
  const colon = key.indexOf(':')
  const source = colon < 0 ? 'any' : key.slice(0, colon)
  return colon < 0 || (source !== 'any' && !sources.includes(source)) ? { source: 'any', key } : { source, key: key.slice(colon + 1) }
}

/** @throws Error for an operator or a combination that selectors do not have */
export function compileSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): Matches {
  const parts: Matches[] = Object.entries(matchLabels).map(([key, value]) => {
    const valueOf = reader(key)
    return (labels) => valueOf(labels) === value
  })
  for (const { key, operator, values = [] } of matchExpressions) parts.push(expression(reader(key), key, operator, values))
  return (labels) => parts.every((part) => part(labels))
}

function reader(text: string): (labels: SecurityLabels) => string | undefined {
  const { source, key } = parseKey(text)
  if (source !== 'any') return (labels) => labels.get(`${source}:${key}`)
  return (labels) => {
    for (const each of sources) {
      const value = labels.get(`${each}:${key}`)
      if (value !== undefined) return value
    }
    return undefined
  }
}

function expression(valueOf: (labels: SecurityLabels) => string | undefined, key: string, operator: string, values: readonly string[]): Matches {
  if ((operator === 'In' || operator === 'NotIn') && values.length === 0) throw new Error(`invalid label selector: matchExpressions of ${key}: values must be specified when operator is 'In' or 'NotIn'`)
  if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) throw new Error(`invalid label selector: matchExpressions of ${key}: values may not be specified when operator is 'Exists' or 'DoesNotExist'`)
  switch (operator) {
    case 'In': return (labels) => values.includes(valueOf(labels) ?? '\0')
    case 'NotIn': return (labels) => !values.includes(valueOf(labels) ?? '\0')
    case 'Exists': return (labels) => valueOf(labels) !== undefined
    case 'DoesNotExist': return (labels) => valueOf(labels) === undefined
    default: throw new Error(`invalid label selector: ${JSON.stringify(operator)} is not a valid operator`)
  }
}

/** What `endpointSelector` selects: pods of the policy's own namespace, whatever it says about namespaces. */
export function compileSubject(selector: LabelSelector, { namespace }: Scope): Matches {
  const selected = compileSelector(selector)
  if (namespace === undefined) return selected
  return (labels) => labels.get(`k8s:${namespaceKey}`) === namespace && selected(labels)
}

/** A selector of fromEndpoints or toEndpoints: within the policy's namespace unless it names namespaces or reserved labels; clusterwide an empty one means every pod. */
export function compilePeerSelector(selector: LabelSelector, { namespace }: Scope): Matches {
  const selected = compileSelector(selector)
  const keys = [...Object.keys(selector.matchLabels ?? {}), ...(selector.matchExpressions ?? []).map((e) => e.key)]
  if (namespace === undefined) return keys.length > 0 ? selected : (labels) => labels.has(`k8s:${namespaceKey}`)
  const saysWhere = keys.some((text) => {
    const { source, key } = parseKey(text)
    return source === 'reserved' || key === namespaceKey || key.startsWith(namespaceLabelsPrefix)
  })
  return saysWhere ? selected : (labels) => labels.get(`k8s:${namespaceKey}`) === namespace && selected(labels)
}
