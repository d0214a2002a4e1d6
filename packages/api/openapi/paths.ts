import type { Json, JsonObject } from '@idp/formats'
import type { Gvk } from '../schema/built-in.ts'
import { parseGvk } from '../schema/inflate.ts'
import { parametersOf, pathParameter, queryParameter } from './parameters.ts'

/** What the paths of one resource are made of; `definition` names the schema of a kind, undefined when there is none. */
export interface PathSource {
  group: string
  version: string
  plural: string
  kind: string
  namespaced: boolean
  verbs: readonly string[]
  sub: readonly { name: string; kind: string; verbs: readonly string[]; query?: string }[]
  definition: (gvk: Gvk) => string | undefined
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1'
const ref = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` })
const unauthorized: JsonObject = { description: 'Unauthorized' }
const patchTypes = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json']

interface OperationSource {
  id: string
  tag: string
  action: string
  gvk: Gvk
  /** Name of the schema of the answer; text when undefined. */
  answer: string | undefined
  codes: readonly number[]
  body?: string | undefined
  parameters?: JsonObject[]
  /** Content types of the body; any, unless it is a patch. */
  consumes?: readonly string[]
}

const codeText: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' }

function operation({ id, tag, action, gvk, answer, codes, body, parameters, consumes = ['*/*'] }: OperationSource): JsonObject {
  const produces = action === 'connect' ? ['*/*'] : ['application/json', 'application/yaml', ...(action === 'list' ? ['application/json;stream=watch'] : [])]
  const schema: JsonObject = answer === undefined ? { type: 'string' } : ref(answer)
  const responses: JsonObject = {}
  for (const code of codes) responses[code] = { description: codeText[code] ?? '', content: Object.fromEntries(produces.map((type) => [type, { schema }])) }
  responses[401] = unauthorized
  const request: JsonObject = body === undefined ? {} : {
    requestBody: { content: Object.fromEntries(consumes.map((type) => [type, { schema: ref(body) }])), ...(action.startsWith('delete') ? {} : { required: true }) },
  }
  return {
    operationId: id, tags: [tag], ...(parameters && parameters.length > 0 ? { parameters: parameters as Json[] } : {}), ...request, responses,
    'x-kubernetes-action': action, 'x-kubernetes-group-version-kind': { group: gvk.group, version: gvk.version, kind: gvk.kind },
  }
}

const title = (text: string) => text === '' ? '' : (text[0] ?? '').toUpperCase() + text.slice(1)

/** The paths of one resource with `x-kubernetes-action` and `x-kubernetes-group-version-kind`, as kubectl and client generators read them. */
export function resourcePaths(source: PathSource): JsonObject {
  const { group, version, plural, kind, namespaced, definition } = source
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  const groupTitle = group === '' ? 'Core' : title(group.replace(/\.k8s\.io$/, '').split('.').map((part, index) => index === 0 ? part : title(part)).join(''))
  const api = `${groupTitle}${title(version)}`
  const tag = `${group === '' ? 'core' : group.replace(/\.k8s\.io$/, '').replaceAll('.', '')}_${version}`
  const self: Gvk = { group, version, kind }
  const scope = namespaced ? 'Namespaced' : ''
  const schema = definition(self)
  const list = definition({ group, version, kind: `${kind}List` })
  const has = (verb: string) => source.verbs.includes(verb)
  const paths: JsonObject = {}
  const common = namespaced ? [pathParameter('namespace'), queryParameter('pretty')] : [queryParameter('pretty')]
  const base = { tag, gvk: self }
  const lists = (id: string) => operation({ ...base, id, action: 'list', answer: list, codes: [200] })

  if (namespaced && has('list')) {
    paths[`${root}/${plural}`] = { get: lists(`list${api}${kind}ForAllNamespaces`), parameters: [...parametersOf('list'), queryParameter('pretty')] }
  }
  const collection = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`
  const item: JsonObject = { parameters: common as Json[] }
  if (has('list')) item.get = { ...lists(`list${api}${scope}${kind}`), parameters: parametersOf('list') }
  if (has('create')) item.post = operation({ ...base, id: `create${api}${scope}${kind}`, action: 'post', answer: schema, codes: [200, 201, 202], body: schema, parameters: parametersOf('write') })
  if (has('deletecollection')) item.delete = operation({ ...base, id: `delete${api}Collection${scope}${kind}`, action: 'deletecollection', answer: `${meta}.Status`, codes: [200], body: `${meta}.DeleteOptions`, parameters: parametersOf('deletecollection') })
  paths[collection] = item
  if (has('get')) paths[`${collection}/{name}`] = namedItem({ api, scope, kind, suffix: '', tag, gvk: self, schema, verbs: source.verbs, common })
  for (const sub of source.sub) {
    const gvk = parseGvk(sub.kind)
    const query = (sub.query ?? '').split(' ').filter(Boolean).map((text) => text.split(':')).map(([name = '', type]) => queryParameter(name, type))
    const connect = gvk.kind.endsWith('Options')
    const answer = sub.name === 'log' ? undefined : definition(gvk)
    paths[`${collection}/{name}/${sub.name}`] = connect
      ? connectItem({ api, scope, kind, sub: sub.name, tag, gvk, verbs: sub.verbs, common: [pathParameter('name'), ...common, ...query] })
      : namedItem({ api, scope, kind, suffix: title(sub.name), tag, gvk, schema: answer, verbs: sub.verbs, common: [...common, ...query], bare: query.length > 0 })
  }
  return paths
}

interface ItemSource { api: string; scope: string; kind: string; suffix: string; tag: string; gvk: Gvk; schema: string | undefined; verbs: readonly string[]; common: JsonObject[]; bare?: boolean }

function namedItem({ api, scope, kind, suffix, tag, gvk, schema, verbs, common, bare = false }: ItemSource): JsonObject {
  const item: JsonObject = { parameters: [pathParameter('name'), ...common] }
  const make = (verb: string, action: string, codes: number[], body: string | undefined, parameters: JsonObject[], consumes?: readonly string[]) =>
    operation({ id: `${verb}${api}${scope}${kind}${suffix}`, tag, action, gvk, answer: action === 'delete' ? `${meta}.Status` : schema, codes, body, parameters: bare ? [] : parameters, ...(consumes ? { consumes } : {}) })
  if (verbs.includes('get')) item.get = make('read', 'get', [200], undefined, [])
  if (verbs.includes('create') && suffix !== '') item.post = make('create', 'post', [200, 201, 202], schema, parametersOf('write'))
  if (verbs.includes('update')) item.put = make('replace', 'put', [200, 201], schema, parametersOf('write'))
  if (verbs.includes('patch')) item.patch = make('patch', 'patch', [200, 201], `${meta}.Patch`, parametersOf('patch'), patchTypes)
  if (verbs.includes('delete')) item.delete = make('delete', 'delete', [200, 202], `${meta}.DeleteOptions`, parametersOf('delete'))
  return item
}

const methods: Readonly<Record<string, string[]>> = { get: ['get'], create: ['post'], update: ['put'], patch: ['patch'], delete: ['delete'] }

function connectItem({ api, scope, kind, sub, tag, gvk, verbs, common }: Pick<ItemSource, 'api' | 'scope' | 'kind' | 'tag' | 'gvk' | 'verbs' | 'common'> & { sub: string }): JsonObject {
  const item: JsonObject = { parameters: common }
  for (const method of verbs.flatMap((verb) => methods[verb] ?? [])) {
    item[method] = operation({ id: `connect${api}${title(method)}${scope}${kind}${title(sub)}`, tag, action: 'connect', gvk, answer: undefined, codes: [200] })
  }
  return item
}
