import { createHash } from 'node:crypto'
import { deepEqual, parseYamlDocuments, type Json } from '@idp/formats'
import { CodedError, messageOf, type Log } from '@idp/kit'
import { isObject } from '../json-schema.ts'
import { parseEntityRef, refOf, formatEntityRef, specStrings, type Entity, type EntityStatusItem } from './entity.ts'
import { statedRelations, stitchRelations } from './relations.ts'
import { validateEntity, type EntityError } from './validate-entity.ts'

/** Where entities come from: `url` or `file`, and an address that may have wildcards. */
export interface LocationSpec { readonly type: string; readonly target: string }
/** `allow`: kinds that may come from here; the catalog's own list when absent. */
export interface ConfiguredLocation extends LocationSpec { readonly allow?: readonly string[] }
export interface StoredLocation extends LocationSpec { readonly id: string }
export interface CatalogFile { readonly url: string; readonly text: string }

/** An entity (or what wants to be one) that is not in the catalog, and why. */
export interface FailedEntity { readonly entityRef: string; readonly location: string; readonly errors: readonly EntityError[] }

export interface CatalogOptions {
  /** Files behind a location. The same file objects while nothing has changed, so that they are parsed once. */
  read(location: LocationSpec): Promise<readonly CatalogFile[]>
  /** Before locations are read: what is remembered of servers' states counts no longer. */
  begin?(): void
  /** Entities from elsewhere, e.g. the cluster; `described` are those that files brought, which go before. */
  provide?(described: readonly Entity[]): Promise<readonly Entity[]>
  readonly locations: readonly ConfiguredLocation[]
  readonly allow: readonly string[]
  readonly orphanStrategy: 'keep' | 'delete'
  /** Registered before. */
  readonly stored: readonly StoredLocation[]
  store(locations: readonly StoredLocation[]): Promise<void>
  readonly log: Log
}

export interface Catalog {
  list(): readonly Entity[]
  get(ref: string): Entity | undefined
  /** Refs of the entities that emitted this one. */
  parents(ref: string): readonly string[]
  failures(): readonly FailedEntity[]
  locations(): readonly StoredLocation[]
  /** Reads all locations again. Calls during one are answered by the next. */
  refresh(): Promise<void>
  /** What a location would bring, without keeping it. Throws CodedErrors of the reader, `InvalidEntity`. */
  preview(location: LocationSpec): Promise<readonly Entity[]>
  /** Throws CodedError `LocationExists`. */
  register(location: LocationSpec): Promise<StoredLocation>
  unregister(id: string): Promise<boolean>
  /** Until the next refresh, or for good when it is an orphan. */
  remove(uid: string): boolean
}

interface Candidate { readonly entity: Json; readonly location: string; readonly origin: string; readonly parent: string; readonly allow: readonly string[] }

const digest = (text: string): string => createHash('sha1').update(text).digest('hex')
const deepestLocation = 5

export function createCatalog(options: CatalogOptions): Catalog {
  let entities = new Map<string, Entity>()
  let parents = new Map<string, string[]>()
  let failed: FailedEntity[] = []
  let stored = [...options.stored]
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  /** As emitted, before relations; what stays when a later version is wrong, and what an orphan is made of. */
  let raw = new Map<string, Entity>()
  const lastRead = new Map<string, readonly CatalogFile[]>()
  const documents = new WeakMap<CatalogFile, { readonly values: Json[]; readonly error?: string }>()

  const parsed = (file: CatalogFile): { readonly values: Json[]; readonly error?: string } => {
    let found = documents.get(file)
    if (found === undefined) documents.set(file, found = parseFile(file))
    return found
  }

  const pass = async (): Promise<void> => {
    options.begin?.()
    const candidates: Candidate[] = []
    const problems = new Map<string, EntityError[]>()
    const failures: FailedEntity[] = []
    const note = (ref: string, error: EntityError): void => void problems.set(ref, [...problems.get(ref) ?? [], error])
    const visit = async (location: LocationSpec, parent: string, origin: string, allow: readonly string[], depth: number): Promise<void> => {
      const key = `${location.type}:${location.target}`
      let files: readonly CatalogFile[]
      try {
        files = await options.read(location)
        lastRead.set(key, files)
      } catch (error) {
        // What was read last stays: a Git server that is away does not empty the catalog.
        note(parent, { name: 'Error', message: `Unable to read ${location.type}, ${messageOf(error)}` })
        files = lastRead.get(key) ?? []
      }
      for (const file of files) {
        const at = `${location.type}:${file.url}`
        const { values, error } = parsed(file)
        if (error !== undefined) {
          note(parent, { name: 'Error', message: `YAML error at ${file.url}, ${error}` })
          failures.push({ entityRef: '', location: at, errors: [{ name: 'InputError', message: `YAML error at ${file.url}, ${error}` }] })
        }
        for (const entity of values) {
          candidates.push({ entity, location: at, origin, parent, allow })
          if (!isObject(entity) || entity['kind'] !== 'Location' || validateEntity(entity).length > 0) continue
          const child = entity as unknown as Entity
          const targets = [...specStrings(child, 'target'), ...specStrings(child, 'targets')]
          if (depth >= deepestLocation) note(refOf(child), { name: 'InputError', message: `locations are nested deeper than ${deepestLocation}` })
          else for (const target of targets) await visit({ type: specStrings(child, 'type')[0] ?? location.type, target: location.type === 'url' && URL.canParse(target, file.url) ? new URL(target, file.url).href : besideFile(target, file.url) }, refOf(child), origin, allow, depth + 1)
        }
      }
    }
    for (const location of [...options.locations, ...stored]) {
      const entity = locationEntity(location)
      candidates.push({ entity: entity as unknown as Json, location: `${location.type}:${location.target}`, origin: `${location.type}:${location.target}`, parent: '', allow: ['Location'] })
      await visit(location, refOf(entity), `${location.type}:${location.target}`, ('allow' in location && location.allow !== undefined ? location.allow : options.allow) as readonly string[], 0)
    }

    const made = new Map<string, Entity>()
    const from = new Map<string, string[]>()
    for (const { entity, location, origin, parent, allow } of candidates) {
      const errors = validateEntity(entity)
      const ref = isObject(entity) && isObject(entity['metadata']) && typeof entity['kind'] === 'string' ? formatEntityRef({ kind: entity['kind'], namespace: String(entity['metadata']['namespace'] ?? 'default'), name: String(entity['metadata']['name'] ?? '') }) : ''
      const kind = isObject(entity) ? entity['kind'] : undefined
      if (errors.length === 0 && !allow.includes(String(kind))) errors.push({ name: 'NotAllowedError', message: `Entity ${ref} at ${location} is not of an allowed kind for that location` })
      if (errors.length === 0) try { statedRelations(entity as unknown as Entity) } catch (error) { errors.push({ name: 'TypeError', message: messageOf(error) }) }
      const twin = made.get(ref)
      if (errors.length === 0 && twin !== undefined) errors.push({ name: 'ConflictError', message: `Entity ${ref} at ${location} is already defined at ${twin.metadata.annotations?.['backstage.io/managed-by-location'] ?? 'another place'}` })
      if (errors.length === 0) {
        made.set(ref, withAnnotations(entity as unknown as Entity, location, origin))
        if (parent !== '') from.set(ref, [...from.get(ref) ?? [], parent])
        continue
      }
      failures.push({ entityRef: ref, location, errors })
      const before = twin === undefined ? raw.get(ref) : undefined
      if (before === undefined) continue
      made.set(ref, before)
      if (parent !== '') from.set(ref, [...from.get(ref) ?? [], parent])
      for (const error of errors) note(ref, error)
    }
    const provided = await options.provide?.([...made.values()]).catch((error: unknown) => { options.log.warn('entities of the cluster could not be read', { error: messageOf(error) }); return [] }) ?? []
    for (const entity of provided) {
      const ref = refOf(entity)
      const errors = validateEntity(entity as unknown as Json)
      if (errors.length > 0) failures.push({ entityRef: ref, location: entity.metadata.annotations?.['backstage.io/managed-by-location'] ?? '', errors })
      else if (!made.has(ref)) made.set(ref, entity)
    }
    if (options.orphanStrategy === 'keep') for (const [ref, entity] of raw) if (!made.has(ref) && entity.kind !== 'Location') made.set(ref, { ...entity, metadata: { ...entity.metadata, annotations: { ...entity.metadata.annotations, 'backstage.io/orphan': 'true' } } })
    entities = stitch(made, problems, entities)
    raw = made
    parents = from
    if (!deepEqual(failures, failed)) for (const { entityRef, location, errors } of failures) options.log.warn('an entity was refused', { entity: entityRef, location, error: errors[0]?.message ?? '' })
    failed = failures
  }
  const refresh = (): Promise<void> => {
    const start = (): Promise<void> => { next = undefined; return running = pass().finally(() => { running = undefined }) }
    if (running === undefined) return start()
    return next ??= running.catch(() => undefined).then(start)
  }
  return {
    refresh, list: () => [...entities.values()], get: (ref) => entities.get(ref), parents: (ref) => parents.get(ref) ?? [], failures: () => failed, locations: () => stored,
    async preview(location) {
      options.begin?.()
      const files = await options.read(location)
      return files.flatMap((file) => {
        const { values, error } = parsed(file)
        if (error !== undefined) throw new CodedError({ code: 'InvalidEntity', message: `YAML error at ${file.url}, ${error}`, where: file.url })
        return values.map((entity) => {
          const [wrong] = validateEntity(entity)
          if (wrong !== undefined) throw new CodedError({ code: 'InvalidEntity', message: wrong.message, where: file.url })
          return withAnnotations(entity as unknown as Entity, `${location.type}:${file.url}`, `${location.type}:${location.target}`)
        })
      })
    },
    async register(location) {
      if ([...options.locations, ...stored].some(({ type, target }) => type === location.type && target === location.target)) throw new CodedError({ code: 'LocationExists', message: `Location ${location.type}:${location.target} already exists` })
      const made = { id: uuidOf(`${location.type}:${location.target}`), type: location.type, target: location.target }
      stored = [...stored, made]
      await options.store(stored)
      await refresh()
      return made
    },
    async unregister(id) {
      const left = stored.filter((one) => one.id !== id)
      if (left.length === stored.length) return false
      stored = left
      await options.store(stored)
      await refresh()
      return true
    },
    remove(uid) {
      const found = [...entities].find(([, entity]) => entity.metadata.uid === uid)?.[0]
      if (found === undefined) return false
      raw.delete(found)
      entities.delete(found)
      return true
    },
  }
}

function parseFile(file: CatalogFile): { values: Json[]; error?: string } {
  try {
    return { values: parseYamlDocuments(file.text, { source: file.url }).map(({ value }) => value).filter((value) => value !== null && value !== undefined) as Json[] }
  } catch (error) {
    return { values: [], error: messageOf(error) }
  }
}

const besideFile = (target: string, file: string): string => (target.startsWith('/') ? target : new URL(target, `file://${file}`).pathname)

/** The entity that stands for a configured or registered location, under upstream's name. */
function locationEntity({ type, target }: LocationSpec): Entity {
  return { apiVersion: 'backstage.io/v1alpha1', kind: 'Location', metadata: { name: `generated-${digest(`${type}:${target}`)}`, namespace: 'default' }, spec: { type, target } }
}

function withAnnotations(entity: Entity, location: string, origin: string): Entity {
  const url = location.slice(location.indexOf(':') + 1)
  const links = location.startsWith('url:http') && !url.includes('*') ? { 'backstage.io/view-url': url, 'backstage.io/source-location': `url:${url.slice(0, url.lastIndexOf('/') + 1)}` } : {}
  return { ...entity, metadata: { ...entity.metadata, namespace: entity.metadata.namespace ?? 'default', annotations: { ...links, ...entity.metadata.annotations, 'backstage.io/managed-by-location': location, 'backstage.io/managed-by-origin-location': origin } } }
}

/** Finished entities: relations both ways, uid and etag, problems. What has not changed stays the same object. */
function stitch(raw: ReadonlyMap<string, Entity>, problems: ReadonlyMap<string, readonly EntityError[]>, before: ReadonlyMap<string, Entity>): Map<string, Entity> {
  const relations = stitchRelations(raw.values())
  const made = new Map<string, Entity>()
  for (const [ref, entity] of raw) {
    const items = (problems.get(ref) ?? []).map(({ name, message }): EntityStatusItem => ({ type: 'backstage.io/catalog-processing', level: 'error', message: `${name}: ${message}`, error: { name, message } }))
    const finished: Entity = { ...entity, relations: relations.get(ref) ?? [], ...(items.length === 0 ? {} : { status: { items } }) }
    const stitched: Entity = { ...finished, metadata: { ...finished.metadata, uid: uuidOf(ref), etag: digest(JSON.stringify(finished)) } }
    const old = before.get(ref)
    made.set(ref, old !== undefined && old.metadata.etag === stitched.metadata.etag ? old : stitched)
  }
  return made
}

/** The same name gives the same uid after every restart (RFC 9562, version 5 in shape). */
function uuidOf(name: string): string {
  const hex = digest(`backstage:${name}`)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** The ref written in canonical form. */
export const canonicalRef = (text: string): string => formatEntityRef(parseEntityRef(text))
