import { ApiError, type Kind } from '@idp/api'
import type { Client, ListQuery, WatchEvent } from '@idp/client'
import { applyMergePatch, cloneJson, matchesRequirements, parseLabelSelector, type AnyObject, type Json, type KubeObject } from '@idp/formats'
import { rfc3339, type Clock } from '@idp/kit'

/** Just enough of an API behind the Client interface to test this package below the API server: revisions, watch, finalizers, status. */
export interface MemoryApi {
  readonly client: Client
  /** Requests so far, as `verb plural`. */
  readonly requests: string[]
  /** Makes every running watch fail with `Expired` and forgets its history. */
  expire(): void
  /** Throws from the next requests that match, once each. */
  failNext(request: string, error: Error): void
}

interface Event { readonly path: string; readonly event: WatchEvent<KubeObject>; readonly revision: number }

export function memoryApi(clock: Clock): MemoryApi {
  const objects = new Map<string, AnyObject>()
  let history: Event[] = []
  let oldest = 0
  let revision = 0
  const wake = new Set<() => void>()
  const requests: string[] = []
  const failures = new Map<string, Error[]>()

  const note = (verb: string, kind: Kind) => {
    const request = `${verb} ${kind.plural}`
    requests.push(request)
    const error = failures.get(request)?.shift()
    if (error !== undefined) throw error
  }
  const pathOf = (kind: Kind) => `${kind.group}/${kind.plural}/`
  const keyOf = (kind: Kind, name: string, namespace: string | undefined) => `${pathOf(kind)}${kind.scope === 'Namespaced' ? namespace ?? '' : ''}/${name}`
  const emit = (path: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: AnyObject) => {
    revision++
    object.metadata.resourceVersion = String(revision)
    history.push({ path, revision, event: { type, object: cloneJson(object) } })
    for (const run of wake) run()
  }
  const need = (kind: Kind, name: string, namespace: string | undefined): AnyObject => {
    const found = objects.get(keyOf(kind, name, namespace))
    if (found === undefined) throw new ApiError('NotFound', `${kind.plural} "${name}" not found`)
    return found
  }
  const matches = (object: KubeObject, query: ListQuery) => {
    if (query.namespace !== undefined && object.metadata.namespace !== query.namespace) return false
    if (query.labelSelector !== undefined && !matchesRequirements(parseLabelSelector(query.labelSelector), object.metadata.labels)) return false
    const field = query.fieldSelector?.split('=')
    return field === undefined || field[0] !== 'metadata.name' || object.metadata.name === field[1]
  }
  const store = (kind: Kind, old: AnyObject, next: AnyObject, subresource: string | undefined): AnyObject => {
    if (next.metadata.resourceVersion !== undefined && next.metadata.resourceVersion !== old.metadata.resourceVersion) throw new ApiError('Conflict', `${kind.plural} "${old.metadata.name}": the object has been modified`)
    const merged: AnyObject = subresource === 'status' ? { ...old, status: next['status'] } : { ...next, status: old['status'] ?? next['status'] }
    merged.metadata = { ...merged.metadata, generation: (old.metadata.generation ?? 1) + (JSON.stringify(merged['spec']) === JSON.stringify(old['spec']) ? 0 : 1) }
    const key = keyOf(kind, old.metadata.name ?? '', old.metadata.namespace)
    if (merged.metadata.deletionTimestamp !== undefined && (merged.metadata.finalizers ?? []).length === 0) {
      objects.delete(key)
      emit(pathOf(kind), 'DELETED', merged)
    } else {
      objects.set(key, merged)
      emit(pathOf(kind), 'MODIFIED', merged)
    }
    return cloneJson(merged)
  }

  const client: Client = {
    async get(kind, name, at) {
      note('get', kind)
      return cloneJson(need(kind, name, at?.namespace)) as never
    },
    async list(kind, query = {}) {
      note('list', kind)
      const items = [...objects].filter(([key, o]) => key.startsWith(pathOf(kind)) && matches(o, query)).map(([, o]) => cloneJson(o))
      return { items: items as never[], metadata: { resourceVersion: String(revision) } }
    },
    async *watch(kind, query) {
      note('watch', kind)
      let at = Number(query.resourceVersion ?? revision)
      while (!query.signal.aborted) {
        if (at < oldest) throw new ApiError('Expired', 'too old resource version')
        for (const { path, event, revision: r } of history.filter((e) => e.revision > at)) {
          at = r
          if (path === pathOf(kind) && matches(event.object, query)) yield cloneJson(event) as never
        }
        if (history.every((e) => e.revision <= at)) {
          await new Promise<void>((resolve) => {
            const run = () => {
              wake.delete(run)
              resolve()
            }
            wake.add(run)
            query.signal.addEventListener('abort', run, { once: true })
          })
        }
      }
    },
    async create(kind, object, options) {
      note('create', kind)
      const created = cloneJson(object) as unknown as AnyObject
      const namespace = options?.namespace ?? created.metadata.namespace
      created.metadata = {
        ...created.metadata, name: created.metadata.name ?? `${created.metadata.generateName}${revision + 1}`, uid: `uid-${revision + 1}`,
        creationTimestamp: rfc3339(clock.now()), generation: 1, ...(namespace === undefined ? {} : { namespace }),
      }
      const key = keyOf(kind, created.metadata.name ?? '', namespace)
      if (objects.has(key)) throw new ApiError('AlreadyExists', `${kind.plural} "${created.metadata.name}" already exists`)
      objects.set(key, created)
      emit(pathOf(kind), 'ADDED', created)
      return cloneJson(created) as never
    },
    async update(kind, object, options) {
      note(options?.subresource === undefined ? 'update' : `update ${options.subresource}`, kind)
      const next = cloneJson(object) as unknown as AnyObject
      return store(kind, need(kind, next.metadata.name ?? '', options?.namespace ?? next.metadata.namespace), next, options?.subresource) as never
    },
    async patch(kind, name, patch, options) {
      note(options.subresource === undefined ? 'patch' : `patch ${options.subresource}`, kind)
      const old = need(kind, name, options.namespace)
      return store(kind, old, applyMergePatch(cloneJson(old) as unknown as Json, patch as Json) as unknown as AnyObject, options.subresource) as never
    },
    async apply() { throw new ApiError('MethodNotAllowed', 'the memory API does not apply') },
    async delete(kind, name, options) {
      note('delete', kind)
      const old = need(kind, name, options?.namespace)
      const { resourceVersion: _any, ...metadata } = old.metadata
      store(kind, old, { ...old, metadata: { ...metadata, deletionTimestamp: metadata.deletionTimestamp ?? rfc3339(clock.now()) } }, undefined)
    },
    async deleteCollection() { throw new ApiError('MethodNotAllowed', 'the memory API does not delete collections') },
    async kindOf() { throw new ApiError('MethodNotAllowed', 'the memory API has no discovery') },
    async kinds() { return [] },
    async request() { return new Response('', { status: 404 }) },
  }
  return {
    client, requests,
    expire() {
      history = []
      oldest = revision + 1
      revision++
      for (const run of wake) run()
    },
    failNext: (request, error) => void failures.set(request, [...(failures.get(request) ?? []), error]),
  }
}
