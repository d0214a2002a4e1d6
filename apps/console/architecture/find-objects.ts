import type { AnyObject } from '@idp/formats'
import type { Ref, World } from '@idp/platform'

export interface Found { readonly objects: readonly AnyObject[]; /** Named, their kind is readable, and not there. */ readonly missing: readonly Ref[] }

/** The objects that patterns of `boxObjects` name. */
export function findObjects(patterns: readonly string[], world: World): Found {
  const objects: AnyObject[] = []
  const missing: Ref[] = []
  for (const pattern of patterns) {
    const ref = parsePattern(pattern)
    const fitting = world.list(ref.kind).filter((object) => fits(object, ref))
    objects.push(...fitting)
    if (fitting.length === 0 && !ref.open && world.reads(ref.kind)) missing.push({ kind: ref.kind, name: ref.name, namespace: ref.namespace })
  }
  return { objects, missing }
}

interface Pattern { readonly kind: string; readonly namespace: string | undefined; readonly name: string; readonly open: boolean; readonly label: string | undefined }

function parsePattern(pattern: string): Pattern {
  const [, kind = '', namespace, name = '', label] = /^(\S+) (?:([^/\s[]+)\/)?([^[\s]*)(?:\[([^\]]+)\])?$/.exec(pattern) ?? []
  return { kind, namespace, name, open: name.includes('*'), label }
}

function fits({ metadata }: AnyObject, { namespace, name, open, label }: Pattern): boolean {
  if (namespace !== undefined && metadata.namespace !== namespace) return false
  const own = metadata.name ?? ''
  if (open) {
    const [head = '', tail = ''] = name.split('*')
    if (!own.startsWith(head) || !own.endsWith(tail)) return false
  } else if (own !== name) return false
  if (label === undefined) return true
  const [key = '', value] = label.split('=')
  const found = metadata.labels?.[key]
  return found !== undefined && (value === undefined || found === value)
}
