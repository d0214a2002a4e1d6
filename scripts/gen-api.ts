/**
 * Writes the Kubernetes API facts of `packages/api`: `data/schemas.json` (types, fields, formats, list and patch markers, resources and
 * verbs) and `kinds/*.ts` (kinds as values). Only facts are taken: descriptions are dropped while reading.
 *
 *   node scripts/gen-api.ts DIR
 *
 * DIR holds the OpenAPI v3 documents of one Kubernetes version, one per group version, either as `api/v1.json` and `apis/GROUP/VERSION.json`
 * (repository kubernetes-sigs/kubectl-validate, folder pkg/openapiclient/builtins/1.35) or as `api__v1_openapi.json` and
 * `apis__GROUP__VERSION_openapi.json` (repository kubernetes/kubernetes, folder api/openapi-spec/v3). Both are public.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '@idp/kit'

const api = new URL('../packages/api/', import.meta.url)
const models = new URL('../node_modules/kubernetes-models/', import.meta.url)

/** The group versions we serve, in the order of discovery; the first of a group is the preferred one. */
const served = [
  'v1', 'apps/v1', 'events.k8s.io/v1', 'authentication.k8s.io/v1', 'authorization.k8s.io/v1', 'autoscaling/v2', 'autoscaling/v1', 'batch/v1',
  'certificates.k8s.io/v1', 'networking.k8s.io/v1', 'policy/v1', 'rbac.authorization.k8s.io/v1', 'storage.k8s.io/v1', 'admissionregistration.k8s.io/v1',
  'apiextensions.k8s.io/v1', 'scheduling.k8s.io/v1', 'coordination.k8s.io/v1', 'node.k8s.io/v1', 'discovery.k8s.io/v1', 'flowcontrol.apiserver.k8s.io/v1',
  'resource.k8s.io/v1', 'apiregistration.k8s.io/v1',
]

/** Short names and categories: registered in code upstream, in no published document. */
const shortNames: Record<string, string> = {
  componentstatuses: 'cs', configmaps: 'cm', endpoints: 'ep', events: 'ev', limitranges: 'limits', namespaces: 'ns', nodes: 'no', persistentvolumeclaims: 'pvc',
  persistentvolumes: 'pv', pods: 'po', replicationcontrollers: 'rc', resourcequotas: 'quota', serviceaccounts: 'sa', services: 'svc', daemonsets: 'ds',
  deployments: 'deploy', replicasets: 'rs', statefulsets: 'sts', horizontalpodautoscalers: 'hpa', cronjobs: 'cj', certificatesigningrequests: 'csr',
  ingresses: 'ing', networkpolicies: 'netpol', ipaddresses: 'ip', poddisruptionbudgets: 'pdb', priorityclasses: 'pc', storageclasses: 'sc',
  volumeattributesclasses: 'vac', customresourcedefinitions: 'crd crds',
}
const categories: Record<string, string> = {
  pods: 'all', replicationcontrollers: 'all', services: 'all', daemonsets: 'all', deployments: 'all', replicasets: 'all', statefulsets: 'all',
  horizontalpodautoscalers: 'all', cronjobs: 'all', jobs: 'all', customresourcedefinitions: 'api-extensions', apiservices: 'api-extensions',
  mutatingwebhookconfigurations: 'api-extensions', validatingwebhookconfigurations: 'api-extensions', validatingadmissionpolicies: 'api-extensions',
  validatingadmissionpolicybindings: 'api-extensions',
}
/** Kinds whose plain name is taken by a kind of another group or version. */
const renamed: Record<string, string> = { 'events.k8s.io/v1/Event': 'EventsV1Event', 'autoscaling/v1/HorizontalPodAutoscaler': 'HorizontalPodAutoscalerV1' }
/** Objects without a meaningful use when `spec` is absent: the type makes it required. */
const specless = new Set(['Namespace', 'Node', 'ComponentStatus'])

interface Doc { components: { schemas: Record<string, Source> }; paths: Record<string, Record<string, Operation>> }
interface Gvk { group: string; version: string; kind: string }
interface Operation { 'x-kubernetes-action'?: string; 'x-kubernetes-group-version-kind'?: Gvk; parameters?: Parameter[] }
interface Parameter { name: string; in: string; schema: { type: string } }
interface Source {
  type?: string; format?: string; $ref?: string; allOf?: Source[]; oneOf?: Source[]; items?: Source; additionalProperties?: Source; default?: unknown
  properties?: Record<string, Source>; required?: string[]; description?: string; [extension: `x-${string}`]: unknown
}
interface Resource { name: string; kind: string; namespaced: boolean; verbs: string; sub: Subresource[] }
interface Subresource { name: string; kind: string; verbs: string; query?: string }

const shorten = (name: string) => name.replace('io.k8s.api.', '').replace('io.k8s.apimachinery.pkg.', '+').replace('io.k8s.apiextensions-apiserver.pkg.apis.', '!').replace('io.k8s.kube-aggregator.pkg.apis.', '~')
const refName = (ref: string) => shorten(ref.slice(ref.lastIndexOf('/') + 1))
const scalars: Record<string, string> = {
  'string': 's', 'string/byte': 'y', 'boolean': 'b', 'integer/int32': 'i', 'integer/int64': 'l', 'number/double': 'd', 'object': 'o', '': '?',
}

/** The default that an element of a list or map has when its schema says nothing else (the zero value of its Go type). */
function elementDefault(code: string): string | undefined {
  return { s: '""', i: '0', l: '0', b: 'false' }[code] ?? (code.startsWith('#') ? '{}' : undefined)
}

/** One field's schema in the notation that `packages/api/schema/inflate.ts` reads. */
function encode(source: Source, where: string, element = false): string {
  const known = new Set(['type', 'format', '$ref', 'allOf', 'items', 'additionalProperties', 'default', 'description',
    'x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-patch-strategy', 'x-kubernetes-patch-merge-key', 'x-kubernetes-map-type'])
  for (const key of Object.keys(source)) if (!known.has(key)) throw new CodedError({ code: 'UnknownMarker', message: `${key} is not known to the generator`, where })
  let code: string | undefined
  if (source.$ref !== undefined) code = `@${refName(source.$ref)}`
  else if (source.allOf?.[0]?.$ref !== undefined) code = `#${refName(source.allOf[0].$ref)}`
  else if (source.items) code = `[${encode(source.items, `${where}[]`, true)}`
  else if (source.additionalProperties) code = `{${encode(source.additionalProperties, `${where}{}`, true)}`
  else code = scalars[[source.type, source.format].filter(Boolean).join('/')]
  if (code === undefined) throw new CodedError({ code: 'UnknownType', message: `type ${source.type} ${source.format} is not known to the generator`, where })
  const flags: string[] = []
  const listType = source['x-kubernetes-list-type']
  if (listType === 'map') flags.push(`m=${(source['x-kubernetes-list-map-keys'] as string[]).join(',')}`)
  else if (listType !== undefined) flags.push(listType === 'set' ? 'S' : 'a')
  if (source['x-kubernetes-map-type'] !== undefined) flags.push(source['x-kubernetes-map-type'] === 'atomic' ? 'A' : 'G')
  if (source['x-kubernetes-patch-merge-key'] !== undefined) flags.push(`k=${source['x-kubernetes-patch-merge-key']}`)
  if (source['x-kubernetes-patch-strategy'] !== undefined) flags.push(`p=${source['x-kubernetes-patch-strategy']}`)
  const value = source.default === undefined ? undefined : JSON.stringify(source.default)
  if (element) {
    if (value !== elementDefault(code)) throw new CodedError({ code: 'UnexpectedDefault', message: `default ${value} of an element`, where })
  } else if (value !== undefined) flags.push(value === elementDefault(code) ? 'z' : `d=${value}`)
  return [code, ...flags].join('|')
}

function encodeType(name: string, source: Source): Record<string, unknown> {
  const { description: _, properties, required = [], type, ...rest } = source
  const gvks = rest['x-kubernetes-group-version-kind'] as Gvk[] | undefined
  delete rest['x-kubernetes-group-version-kind']
  const out: Record<string, unknown> = {}
  if (gvks) out.$gvk = gvks.length === 1 && gvks[0] ? [gvks[0].group, gvks[0].version, gvks[0].kind].filter(Boolean).join('/') : '*'
  if (!properties) return { ...out, $raw: type === undefined ? rest : { type, ...rest } }
  if (Object.keys(rest).length > 0) out.$ = rest
  for (const [field, schema] of Object.entries(properties)) out[field + (required.includes(field) ? '!' : '')] = encode(schema, `${name}.${field}`)
  return out
}

const methodVerbs: Record<string, string> = { get: 'get', post: 'create', put: 'update', patch: 'patch', delete: 'delete' }
const actionVerbs: Record<string, string> = { list: 'list', watchlist: 'watch', post: 'create', put: 'update' }

/** The resources of a group version with their verbs, out of the paths. */
function resourcesOf(groupVersion: string, doc: Doc): Resource[] {
  const root = `/${groupVersion === 'v1' ? 'api' : 'apis'}/${groupVersion}/`
  const found = new Map<string, Resource & { set: Set<string> }>()
  for (const [path, item] of Object.entries(doc.paths)) {
    const match = /^(watch\/)?(namespaces\/\{namespace\}\/)?([^/]+)(\/\{name\})?(?:\/([a-z]+)(\/\{path\})?)?$/.exec(path.slice(root.length))
    if (!match || match[6] || match[3] === 'watch') continue
    const [, , namespaced, plural = '', , sub] = match
    for (const [method, operation] of Object.entries(item)) {
      const verb = methodVerbs[method]
      const gvk = operation['x-kubernetes-group-version-kind']
      const action = operation['x-kubernetes-action']
      if (verb === undefined || gvk === undefined || action === undefined) continue
      const kind = [gvk.group, gvk.version, gvk.kind].filter(Boolean).join('/')
      let resource = found.get(plural)
      if (!resource) found.set(plural, resource = { name: plural, kind: gvk.kind, namespaced: false, verbs: '', sub: [], set: new Set() })
      if (namespaced) resource.namespaced = true
      if (sub === undefined) resource.set.add(actionVerbs[action] ?? action)
      else {
        let entry = resource.sub.find(({ name }) => name === sub)
        if (!entry) resource.sub.push(entry = { name: sub, kind, verbs: '' })
        entry.verbs = [...new Set([...entry.verbs.split(' ').filter(Boolean), verb])].sort().join(' ')
        const query = ((item.parameters ?? []) as unknown as Parameter[]).filter((parameter) => parameter.in === 'query' && parameter.name !== 'pretty')
        if (query.length > 0) entry.query = query.map(({ name, schema }) => `${name}:${schema.type}`).join(' ')
      }
    }
  }
  return [...found.values()].map(({ set, ...resource }) => ({ ...resource, verbs: [...set].sort().join(' '), sub: resource.sub.sort((a, b) => a.name < b.name ? -1 : 1) })).sort((a, b) => a.name < b.name ? -1 : 1)
}

function readDocument(dir: string, groupVersion: string): Doc {
  const path = groupVersion === 'v1' ? 'api/v1' : `apis/${groupVersion}`
  const file = [join(dir, `${path}.json`), join(dir, `${path.replaceAll('/', '__')}_openapi.json`)].find((candidate) => existsSync(candidate))
  if (file === undefined) throw new CodedError({ code: 'MissingDocument', message: `no OpenAPI document of ${groupVersion}`, where: dir })
  return JSON.parse(readFileSync(file, 'utf8')) as Doc
}

const fileOf = (group: string) => group === '' ? 'core' : group.split('.')[0] ?? group

function kindSource(groupVersion: string, resource: Resource): { imports: string; body: string; name: string } {
  const [version = '', group = ''] = groupVersion.split('/').reverse()
  const name = renamed[`${groupVersion}/${resource.kind}`] ?? resource.kind
  const module = `${groupVersion}/${resource.kind}`
  const dts = new URL(`${module}.d.ts`, models)
  if (!existsSync(dts)) throw new CodedError({ code: 'MissingModel', message: `kubernetes-models has no ${module}` })
  const alias = name === resource.kind ? `I${resource.kind}` : `I${resource.kind} as I${name}`
  const withSpec = !specless.has(resource.kind) && new RegExp(`^ {4}"spec"\\??:`, 'm').test(readFileSync(dts, 'utf8'))
  const base = withSpec ? `Omit<I${name}, 'metadata' | 'spec'>` : `Omit<I${name}, 'metadata'>`
  const list = (text: string | undefined) => text === undefined ? undefined : `[${text.split(' ').map((word) => `'${word}'`).join(', ')}]`
  const fields = [
    `group: '${group}', version: '${version}', kind: '${resource.kind}', plural: '${resource.name}', scope: '${resource.namespaced ? 'Namespaced' : 'Cluster'}'`,
    list(shortNames[resource.name]) && `shortNames: ${list(shortNames[resource.name])}`,
    list(categories[resource.name]) && `categories: ${list(categories[resource.name])}`,
    resource.sub.length > 0 && `subresources: [${resource.sub.map((sub) => `'${sub.name}'`).join(', ')}]`,
  ].filter(Boolean).join(', ')
  return {
    name, imports: `import type { ${alias} } from 'kubernetes-models/${module}'`,
    body: `export interface ${name} extends ${base} { metadata: ObjectMeta${withSpec ? `; spec: NonNullable<I${name}['spec']>` : ''} }\nexport const ${name}: Kind<${name}> = defineKind({ ${fields} })\n`,
  }
}

/** Types of objects that only subresources use. */
const subresourceTypes: Record<string, string[]> = { autoscaling: ['autoscaling/v1/Scale'], policy: ['policy/v1/Eviction'], authentication: ['authentication.k8s.io/v1/TokenRequest'] }

function writeKinds(resources: Record<string, Resource[]>): void {
  const note = '// Generated by scripts/gen-api.ts; do not edit.\n'
  const files = new Map<string, { imports: string[]; bodies: string[]; names: string[]; types: string[] }>()
  for (const [groupVersion, list] of Object.entries(resources)) {
    const file = fileOf(groupVersion === 'v1' ? '' : groupVersion.split('/')[0] ?? '')
    let entry = files.get(file)
    if (!entry) files.set(file, entry = { imports: [], bodies: [], names: [], types: [] })
    for (const resource of list) {
      const { imports, body, name } = kindSource(groupVersion, resource)
      entry.imports.push(imports); entry.bodies.push(body); entry.names.push(name)
    }
  }
  for (const [file, entry] of files) {
    for (const module of subresourceTypes[file] ?? []) {
      const kind = module.split('/').at(-1)
      entry.imports.push(`import type { I${kind} } from 'kubernetes-models/${module}'`)
      entry.bodies.push(`export interface ${kind} extends Omit<I${kind}, 'metadata'> { metadata: ObjectMeta }\n`)
      entry.types.push(kind ?? '')
    }
    const head = `${note}import type { ObjectMeta } from '@idp/formats'\n${entry.imports.join('\n')}\nimport { defineKind, type Kind } from '../kind.ts'\n\n`
    writeFileSync(new URL(`kinds/${file}.ts`, api), head + entry.bodies.join('\n'))
  }
  const lists = [...files].map(([file, { names, types }]) => ({ file, names, types }))
  writeFileSync(new URL('kinds/built-in.ts', api), `${note}import type { Kind } from '../kind.ts'\n`
    + lists.map(({ file, names }) => `import { ${names.join(', ')} } from './${file}.ts'`).join('\n')
    + `\n\n/** Every built-in kind that has objects of its own, in the order of discovery. */\nexport const builtInKinds: readonly Kind[] = [\n`
    + lists.map(({ names }) => `  ${names.join(', ')},\n`).join('') + ']\n')
  writeFileSync(new URL('kinds/index.ts', api), `${note}export { builtInKinds } from './built-in.ts'\n`
    + lists.map(({ file, names, types }) => `export { ${[...names, ...types.map((name) => `type ${name}`)].join(', ')} } from './${file}.ts'\n`).join(''))
}

function main(dir: string): void {
  const types: Record<string, unknown> = {}
  const resources: Record<string, Resource[]> = {}
  for (const groupVersion of served) {
    const doc = readDocument(dir, groupVersion)
    for (const [name, schema] of Object.entries(doc.components.schemas)) types[shorten(name)] ??= encodeType(name, schema)
    resources[groupVersion] = resourcesOf(groupVersion, doc)
  }
  const lines = (record: Record<string, unknown>) => Object.keys(record).map((key) => `${JSON.stringify(key)}:${JSON.stringify(record[key])}`).join(',\n')
  const sorted = Object.fromEntries(Object.entries(types).sort(([a], [b]) => a < b ? -1 : 1))
  writeFileSync(new URL('data/schemas.json', api), `{"resources":{\n${lines(resources)}\n},"types":{\n${lines(sorted)}\n}}\n`)
  writeKinds(resources)
}

const [dir] = process.argv.slice(2)
if (dir === undefined) throw new CodedError({ code: 'Usage', message: 'usage: node scripts/gen-api.ts DIR', remedy: 'see the head of scripts/gen-api.ts for where DIR comes from' })
main(dir)
