import { labelStrings, type SecurityLabels } from './labels.ts'

/** Who an address is, for policies: a set of labels, and the number that stands for it. */
export interface Identity {
  readonly id: number
  readonly labels: SecurityLabels
  /** The labels as records show them. */
  readonly strings: readonly string[]
  /** Whose ends policies decide about: `pod` and `ingress` (the gateway); the others are only peers. */
  readonly kind: 'pod' | 'ingress' | 'node' | 'world'
}

const numbers = { host: 1, world: 2, 'remote-node': 6, 'kube-apiserver': 7, ingress: 8 } as const
const reserved = (kind: Identity['kind'], ...names: (keyof typeof numbers)[]): Identity => {
  const labels: SecurityLabels = new Map(names.map((name) => [`reserved:${name}`, '']))
  return { id: numbers[names[0] ?? 'world'], labels, strings: labelStrings(labels), kind }
}

export const host = reserved('node', 'host')
export const remoteNode = reserved('node', 'remote-node')
export const world = reserved('world', 'world')
export const ingress = reserved('ingress', 'ingress')
/** The API server is also the node it runs on. */
export const apiServerOnHost: Identity = { ...reserved('node', 'host', 'kube-apiserver') }
export const apiServerElsewhere: Identity = { ...reserved('node', 'kube-apiserver', 'remote-node') }

const first = 256
const last = 65_535

/** Identities by label set. The number of a set is a hash of it, so that every node finds the same one without asking; of two sets that share it the later takes the next. */
export function createIdentities(): { of(labels: SecurityLabels): Identity; readonly all: ReadonlyMap<number, Identity> } {
  const byLabels = new Map<string, Identity>()
  const all = new Map<number, Identity>()
  return {
    all,
    of(labels) {
      const strings = labelStrings(labels)
      const key = strings.join(';')
      const known = byLabels.get(key)
      if (known !== undefined) return known
      let id = first + (hash(key) % (last - first))
      while (all.has(id)) id = id === last ? first : id + 1
      const made: Identity = { id, labels, strings, kind: 'pod' }
      byLabels.set(key, made)
      all.set(id, made)
      return made
    },
  }
}

/** FNV-1a, 32 bits. */
export function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0
  return value
}
