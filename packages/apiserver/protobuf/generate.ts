/**
 * Reads the wire facts of Kubernetes' types (field numbers, JSON names, what is a pointer, what may be omitted) from the struct tags of
 * upstream's Go sources and writes messages.json. Run by hand: `node generate.ts <folder with k8s.io/api, k8s.io/apimachinery>`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { builtInGroupVersions } from '@idp/api'

interface GoField { number: number; json: string; type: string; omitEmpty: boolean; inline: boolean }
interface GoStruct { fields: GoField[] }

const root = process.argv[2] ?? '.'
const structs = new Map<string, GoStruct>()
const aliases = new Map<string, string>()
const basics: Record<string, string> = { string: 's', bool: 'b', int32: 'i', int64: 'i', int: 'i', uint32: 'i', byte: 'i', float64: 'd', '[]byte': 'y', 'types.UID': 's', 'types.NodeName': 's', 'intstr.IntOrString': '#IntOrString', 'resource.Quantity': '#Quantity', 'runtime.RawExtension': '#RawExtension', 'metav1.Time': '#Time', 'metav1.MicroTime': '#MicroTime', 'metav1.FieldsV1': '#FieldsV1', 'metav1.Duration': '#Duration' }

function readPackage(folder: string, name: string): void {
  for (const file of readdirSync(folder).filter((entry) => entry.endsWith('types.go') || entry === 'wellknown_labels.go')) {
    const text = readFileSync(join(folder, file), 'utf8')
    for (const [, alias = '', target = ''] of text.matchAll(/^type (\w+) (string|bool|int32|int64|\[\]\w+|map\[[\w.]+\][\w.]+)\s*(?:\/\/.*)?$/gm)) aliases.set(`${name}.${alias}`, target)
    for (const [, struct = '', body = ''] of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) structs.set(`${name}.${struct}`, { fields: fieldsOf(body) })
  }
}

function fieldsOf(body: string): GoField[] {
  return [...body.matchAll(/^\s*(?:(\w+)\s+)?(\S+)\s+`json:"([^"]*)"(?:\s+[\w-]+:"[^"]*")*?\s+protobuf:"([^"]*)"/gm)].map(([, _name, type = '', json = '', proto = '']) => {
    const [jsonName = '', ...flags] = json.split(',')
    return { number: Number(proto.split(',')[1]), json: jsonName, type, omitEmpty: flags.includes('omitempty') || flags.includes('omitzero'), inline: flags.includes('inline') || jsonName === '' }
  })
}

const needed: string[] = []

/** The code of a Go type: see decode-protobuf.ts. */
function codeOf(type: string, pkg: string): string {
  const plain = type.replace(/^\*/, '')
  const basic = basics[plain] ?? (pkg === 'meta.v1' ? basics[`metav1.${plain}`] : undefined)
  if (basic !== undefined) return basic
  if (plain.startsWith('[]')) return `[${codeOf(plain.slice(2), pkg)}`
  const map = /^map\[[\w.]+\](.+)$/.exec(plain)
  if (map !== null) return `{${codeOf(map[1] ?? '', pkg)}`
  const qualified = plain.includes('.') ? plain.replace(/^v1\./, 'core.v1.').replace(/^(?:corev1|apiv1)\./, 'core.v1.').replace(/^metav1\./, 'meta.v1.') : `${pkg}.${plain}`
  const found = structs.has(qualified) || aliases.has(qualified) ? qualified : qualified.replace(/^core\.v1\./, 'meta.v1.')
  const alias = aliases.get(found)
  // A named list has a message of its own on the wire, with the items as its first field.
  if (alias?.startsWith('[]')) return `(${codeOf(alias.slice(2), pkg)}`
  if (alias !== undefined) return codeOf(alias, found.slice(0, found.lastIndexOf('.')))
  if (!structs.has(found)) {
    process.stderr.write(`left out: ${type} in ${pkg}\n`)
    return ''
  }
  needed.push(found)
  return `#${found}`
}

readPackage(join(root, 'apimachinery/pkg/apis/meta/v1'), 'meta.v1')
const messages: Record<string, Record<string, string>> = {}
for (const groupVersion of builtInGroupVersions()) {
  const [group = '', version = ''] = groupVersion.includes('/') ? groupVersion.split('/') : ['', groupVersion]
  if (group.startsWith('apiextensions') || group.startsWith('apiregistration')) continue
  const name = group === '' ? 'core' : group === 'internal.apiserver.k8s.io' ? 'apiserverinternal' : group.split('.')[0] === 'flowcontrol' ? 'flowcontrol' : group === 'rbac.authorization.k8s.io' ? 'rbac' : group.split('.')[0] ?? ''
  readPackage(join(root, 'api', name, version), `${name}.${version}`)
}
for (const [name, { fields }] of structs) if (!name.startsWith('meta.') && fields.some((field) => field.json === 'metadata' && field.type === 'metav1.ObjectMeta')) needed.push(name)
needed.push('meta.v1.DeleteOptions')
for (let name = needed.pop(); name !== undefined; name = needed.pop()) {
  if (messages[name] !== undefined) continue
  const pkg = name.slice(0, name.lastIndexOf('.'))
  const out: Record<string, string> = {}
  messages[name] = out
  for (const field of structs.get(name)?.fields ?? []) {
    if (!(field.number > 0)) continue
    const pointer = field.type.startsWith('*')
    const code = codeOf(field.type, pkg)
    if (code !== '') out[field.number] = `${field.inline ? '' : field.json}${!pointer && field.omitEmpty ? '?' : ''} ${code}`
  }
}
const lines = Object.keys(messages).sort().map((name) => `${JSON.stringify(name)}:${JSON.stringify(messages[name])}`)
writeFileSync(new URL('messages.json', import.meta.url), `{\n${lines.join(',\n')}\n}\n`)
