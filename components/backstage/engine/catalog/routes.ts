import type { Json, JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { errorAnswer } from '../http-answer.ts'
import { isObject } from '../json-schema.ts'
import { canonicalRef, type Catalog } from './catalog.ts'
import { formatEntityRef, refOf, type Entity } from './entity.ts'
import { containsTerm, countFacets, matchesFilters, parseFilters, pickFields, sortEntities, type EntityOrder } from './query.ts'
import { validateEntity } from './validate-entity.ts'

/** Answers what lies below `/api/catalog`, as upstream's backend; undefined when there is no such route. `path` is without the prefix. */
export async function answerCatalog(request: Request, path: string, catalog: Catalog): Promise<Response | undefined> {
  const { searchParams: query } = new URL(request.url)
  const [, first, second, ...rest] = path.split('/').map(decodeURIComponent)
  const method = request.method
  const gone = (what: string): Response => errorAnswer(request, 'NotFoundError', what)
  if (first === 'entities' && method === 'GET') {
    if (second === undefined) return listEntities(request, query, catalog)
    if (second === 'by-query') return queryEntities(query, catalog)
    if (second === 'by-uid') { const found = catalog.list().find((one) => one.metadata.uid === rest[0]); return found === undefined ? gone(`No entity with uid ${rest[0] ?? ''}`) : Response.json(found) }
    if (second === 'by-name') {
      const [kind = '', namespace = '', name = '', below] = rest
      const found = catalog.get(formatEntityRef({ kind, namespace, name }))
      if (found === undefined) return gone(`No entity named '${name}' found, with kind '${kind}' in namespace '${namespace}'`)
      return below === 'ancestry' ? Response.json(ancestry(found, catalog)) : Response.json(found)
    }
    if (second === 'unprocessed' && rest[0] === 'failed') return Response.json({ type: 'failed', entities: catalog.failures() })
  }
  if (first === 'entities' && second === 'by-uid' && method === 'DELETE') return catalog.remove(rest[0] ?? '') ? new Response(null, { status: 204 }) : gone(`No entity with uid ${rest[0] ?? ''}`)
  if (first === 'entities' && second === 'by-refs' && method === 'POST') return byRefs(await objectBody(request), query, catalog)
  if (first === 'entity-facets' && method === 'GET') {
    const facets = query.getAll('facet').flatMap((one) => one.split(','))
    if (facets.length === 0) return errorAnswer(request, 'InputError', 'Missing facet parameter')
    const filters = parseFilters(query.getAll('filter'))
    return Response.json({ facets: countFacets(catalog.list().filter((one) => matchesFilters(one, filters)), facets) })
  }
  if (first === 'locations') return answerLocations(request, second, rest, query, catalog)
  if (first === 'refresh' && method === 'POST') {
    const { entityRef } = await objectBody(request)
    if (typeof entityRef !== 'string' || catalog.get(canonicalRef(entityRef)) === undefined) return gone(`Entity ${String(entityRef)} not found`)
    await catalog.refresh()
    return new Response(null, { status: 200 })
  }
  if (first === 'validate-entity' && method === 'POST') {
    const { entity, location } = await objectBody(request)
    if (typeof location !== 'string') return errorAnswer(request, 'InputError', 'Malformed request: location must be a string')
    const errors = validateEntity(entity ?? null)
    return errors.length === 0 ? new Response(null, { status: 200 }) : Response.json({ errors }, { status: 400 })
  }
  return undefined
}

/** The request's body as a JSON object. Throws CodedError `InvalidBody`. */
export async function objectBody(request: Request): Promise<JsonObject> {
  const text = await request.text()
  if (text.length > 5_000_000) throw new CodedError({ code: 'InvalidBody', message: 'the request body is larger than 5 MB' })
  let body: unknown
  try { body = JSON.parse(text) } catch { throw new CodedError({ code: 'InvalidBody', message: 'the request body is not JSON' }) }
  if (!isObject(body)) throw new CodedError({ code: 'InvalidBody', message: 'the request body is not a JSON object' })
  return body
}

const fieldsOf = (query: URLSearchParams): string[] => query.getAll('fields').flatMap((one) => one.split(',')).map((one) => one.trim()).filter((one) => one !== '')

/** A parameter that is a whole number of at least 0. */
function count(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new CodedError({ code: 'InvalidParameter', message: `Invalid ${name}, must be an integer of at least 0` })
  return Number(text)
}

function listEntities(request: Request, query: URLSearchParams, catalog: Catalog): Response {
  const filters = parseFilters(query.getAll('filter'))
  const order = query.getAll('order').map((text): EntityOrder => {
    const [, way, field = ''] = /^(asc|desc):(.+)$/.exec(text) ?? []
    if (way !== 'asc' && way !== 'desc') throw new CodedError({ code: 'InvalidParameter', message: `Invalid order parameter "${text}", no colon or not asc or desc` })
    return { field, order: way }
  })
  const after = query.get('after')
  const limit = count(query, 'limit')
  const offset = count(query, 'offset') ?? (after === null ? 0 : Number((readCursor(after))['offset'] ?? 0))
  const found = sortEntities(catalog.list().filter((one) => matchesFilters(one, filters)), order)
  const page = found.slice(offset, limit === undefined ? undefined : offset + limit)
  const headers = new Headers()
  if (limit !== undefined && offset + limit < found.length) {
    const next = new URL(request.url)
    next.searchParams.delete('offset')
    next.searchParams.set('after', cursor({ offset: offset + limit }))
    headers.set('link', `<${next.pathname}${next.search}>; rel="next"`)
  }
  return Response.json(page.map((one) => pickFields(one, fieldsOf(query))), { headers })
}

interface PageQuery { readonly filter: readonly string[]; readonly order: readonly string[]; readonly term: string; readonly termFields: readonly string[]; readonly offset: number }

function queryEntities(query: URLSearchParams, catalog: Catalog): Response {
  const limit = count(query, 'limit') ?? 20
  const given = query.get('cursor')
  const asked: PageQuery = given === null
    ? { filter: query.getAll('filter'), order: query.getAll('orderField'), term: query.get('fullTextFilterTerm') ?? '', termFields: (query.get('fullTextFilterFields') ?? '').split(',').filter((one) => one !== ''), offset: count(query, 'offset') ?? 0 }
    : readCursor(given) as unknown as PageQuery
  const filters = parseFilters(asked.filter)
  const order = asked.order.map((text): EntityOrder => { const [field = '', way] = text.split(','); return { field, order: way === 'desc' ? 'desc' : 'asc' } })
  const found = sortEntities(catalog.list().filter((one) => matchesFilters(one, filters) && containsTerm(one, asked.term, asked.termFields)), order)
  const at = (offset: number): string => cursor({ ...asked, offset } as unknown as JsonObject)
  const pageInfo = { ...(asked.offset + limit < found.length ? { nextCursor: at(asked.offset + limit) } : {}), ...(asked.offset > 0 ? { prevCursor: at(Math.max(0, asked.offset - limit)) } : {}) }
  return Response.json({ items: found.slice(asked.offset, asked.offset + limit).map((one) => pickFields(one, fieldsOf(query))), totalItems: found.length, pageInfo })
}

const cursor = (value: JsonObject): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function readCursor(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (isObject(value) && Number.isInteger(value['offset']) && ['filter', 'order', 'termFields'].every((key) => value[key] === undefined || Array.isArray(value[key]))) return value
  } catch { /* the same answer as for another shape */ }
  throw new CodedError({ code: 'InvalidParameter', message: 'Malformed cursor' })
}

function byRefs(body: JsonObject, query: URLSearchParams, catalog: Catalog): Response {
  const refs = body['entityRefs']
  if (!Array.isArray(refs) || !refs.every((one) => typeof one === 'string')) throw new CodedError({ code: 'InvalidBody', message: 'entityRefs must be an array of strings' })
  const fields = Array.isArray(body['fields']) ? body['fields'].map(String) : []
  const filters = parseFilters(query.getAll('filter'))
  return Response.json({ items: refs.map((ref): Json => { const found = catalog.get(canonicalRef(ref)); return found === undefined || !matchesFilters(found, filters) ? null : pickFields(found, fields) }) })
}

function ancestry(entity: Entity, catalog: Catalog): JsonObject {
  const seen = new Map<string, Entity>([[refOf(entity), entity]])
  for (const ref of seen.keys()) for (const parent of catalog.parents(ref)) { const found = catalog.get(parent); if (found !== undefined) seen.set(parent, found) }
  return { rootEntityRef: refOf(entity), items: [...seen].map(([ref, one]) => ({ entity: one as unknown as JsonObject, parentEntityRefs: [...catalog.parents(ref)] })) }
}

async function answerLocations(request: Request, id: string | undefined, rest: readonly string[], query: URLSearchParams, catalog: Catalog): Promise<Response | undefined> {
  const all = catalog.locations()
  if (id === undefined && request.method === 'GET') return Response.json(all.map((data) => ({ data })))
  if (id === undefined && request.method === 'POST') {
    const { type, target } = await objectBody(request)
    // A path of the pod's own files is the configuration's to name, not a caller's.
    if (type !== 'url' || typeof target !== 'string') return errorAnswer(request, 'InputError', 'Registered locations must be of type url, and have a target')
    const entities = await catalog.preview({ type, target })
    if (query.get('dryRun') === 'true') return Response.json({ location: { id: '', type, target }, entities, exists: all.some((one) => one.target === target) }, { status: 201 })
    return Response.json({ location: await catalog.register({ type, target }), entities }, { status: 201 })
  }
  if (id === 'by-entity' && request.method === 'GET') {
    const [kind = '', namespace = '', name = ''] = rest
    const origin = catalog.get(formatEntityRef({ kind, namespace, name }))?.metadata.annotations?.['backstage.io/managed-by-origin-location']
    const found = all.find((one) => `${one.type}:${one.target}` === origin)
    return found === undefined ? errorAnswer(request, 'NotFoundError', `No registered location brought ${kind}:${namespace}/${name}`) : Response.json(found)
  }
  const found = all.find((one) => one.id === id)
  if (found === undefined) return errorAnswer(request, 'NotFoundError', `Found no location with ID ${id ?? ''}`)
  if (request.method === 'GET') return Response.json(found)
  if (request.method !== 'DELETE') return undefined
  await catalog.unregister(found.id)
  return new Response(null, { status: 204 })
}
