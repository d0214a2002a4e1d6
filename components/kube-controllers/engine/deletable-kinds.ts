import { defineKind, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { AnyObject } from '@idp/formats'

interface Resource { resource: string; scope: 'Namespaced' | 'Cluster'; responseKind?: { group?: string; version?: string; kind?: string }; verbs?: string[]; singularResource?: string }
interface Discovery { items: { metadata: { name?: string }; versions: { version: string; freshness?: string; resources?: Resource[] }[] }[] }

export interface Discovered {
  readonly kinds: readonly Kind<AnyObject>[]
  /** Group versions that discovery could not reach (an aggregated API server that is down). */
  readonly stale: readonly string[]
}

/** The preferred version of every kind that is served with all of `verbs`, from aggregated discovery. */
export async function discoverKinds(client: Client, verbs: readonly string[]): Promise<Discovered> {
  const kinds = new Map<string, Kind<AnyObject>>()
  const stale: string[] = []
  for (const path of ['/api', '/apis']) {
    const items = await discovered(client, path)
    for (const { metadata: { name: group = '' }, versions } of items) {
      for (const { version, freshness, resources = [] } of versions) {
        if (freshness === 'Stale') stale.push(group === '' ? version : `${group}/${version}`)
        for (const resource of resources) {
          const key = `${group}/${resource.resource}`
          if (kinds.has(key) || !verbs.every((verb) => resource.verbs?.includes(verb))) continue
          kinds.set(key, defineKind<AnyObject>({ group, version, kind: resource.responseKind?.kind ?? '', plural: resource.resource, scope: resource.scope }))
        }
      }
    }
  }
  return { kinds: [...kinds.values()], stale }
}

interface Known { readonly etag: string; readonly items: Discovery['items'] }

/** What discovery said last, by client and path: it is asked for again and again, and seldom says anything new. */
const known = new WeakMap<Client, Map<string, Known>>()

async function discovered(client: Client, path: string): Promise<Discovery['items']> {
  const answers = known.get(client) ?? new Map<string, Known>()
  known.set(client, answers)
  const before = answers.get(path)
  const response = await client.request(path, { headers: { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList', ...(before === undefined ? {} : { 'if-none-match': before.etag }) } })
  if (response.status === 304 && before !== undefined) return before.items
  if (!response.ok) throw new Error(`discovery at ${path} answered ${response.status}`)
  const { items } = (await response.json()) as Discovery
  const etag = response.headers.get('etag')
  if (etag === null) answers.delete(path)
  else answers.set(path, { etag, items })
  return items
}
