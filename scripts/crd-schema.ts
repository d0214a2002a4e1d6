/** Structural schemas from the declaration files of the `@kubernetes-models/*` packages: field names, types, required, enums. No prose. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parseSync } from 'oxc-parser'
import type { TSType, TSSignature } from 'oxc-parser'

export interface Schema { [field: string]: unknown }

/** References that stay open: embedded core types that are large, and recursive ones. */
const open: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }

/** Core types worth spelling out; every other core type is left open. */
const core: Readonly<Record<string, Schema>> = {
  Time: { type: 'string', format: 'date-time' }, MicroTime: { type: 'string', format: 'date-time' }, Duration: { type: 'string' },
  LabelSelector: {
    type: 'object', 'x-kubernetes-map-type': 'atomic',
    properties: {
      matchLabels: { type: 'object', additionalProperties: { type: 'string' } },
      matchExpressions: {
        type: 'array', 'x-kubernetes-list-type': 'atomic',
        items: {
          type: 'object', required: ['key', 'operator'],
          properties: { key: { type: 'string' }, operator: { type: 'string' }, values: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic' } },
        },
      },
    },
  },
  Condition: {
    type: 'object', required: ['lastTransitionTime', 'message', 'reason', 'status', 'type'],
    properties: {
      type: { type: 'string' }, status: { type: 'string', enum: ['True', 'False', 'Unknown'] }, reason: { type: 'string' }, message: { type: 'string' },
      lastTransitionTime: { type: 'string', format: 'date-time' }, observedGeneration: { type: 'integer', format: 'int64' },
    },
  },
  SecretKeySelector: {
    type: 'object', required: ['key'], 'x-kubernetes-map-type': 'atomic',
    properties: { name: { type: 'string' }, key: { type: 'string' }, optional: { type: 'boolean' } },
  },
}

/** Members of an interface, and the interfaces it extends. */
interface Interface { members: TSSignature[]; parents: string[] }
interface Declarations { interfaces: Map<string, Interface>; aliases: Map<string, TSType>; imports: Map<string, string>; locals: Map<string, string> }

const cache = new Map<string, Declarations>()

function declarationsOf(file: string): Declarations {
  const found = cache.get(file)
  if (found !== undefined) return found
  const result: Declarations = { interfaces: new Map(), aliases: new Map(), imports: new Map(), locals: new Map() }
  cache.set(file, result)
  const { program } = parseSync(file, readFileSync(file, 'utf8'))
  for (const statement of program.body) {
    if (statement.type === 'ImportDeclaration') {
      for (const specifier of statement.specifiers) result.imports.set(specifier.local.name, statement.source.value)
      continue
    }
    if (statement.type !== 'ExportNamedDeclaration') continue
    for (const specifier of statement.specifiers) {
      if (specifier.exported.type === 'Identifier' && specifier.local.type === 'Identifier') result.locals.set(specifier.exported.name, specifier.local.name)
    }
    const declaration = statement.declaration
    if (declaration?.type === 'TSInterfaceDeclaration') {
      const parents = declaration.extends.flatMap(({ expression }) => (expression.type === 'Identifier' && expression.name !== 'TypeMeta' ? [expression.name] : []))
      result.interfaces.set(declaration.id.name, { members: declaration.body.body, parents })
    }
    if (declaration?.type === 'TSTypeAliasDeclaration') result.aliases.set(declaration.id.name, declaration.typeAnnotation)
  }
  return result
}

/** The schema of the exported interface or alias `name` in `file`. */
function namedSchema(file: string, name: string, path: readonly string[]): Schema {
  const declarations = declarationsOf(file)
  const local = declarations.locals.get(name) ?? name
  const found = declarations.interfaces.get(local)
  if (found !== undefined) {
    const inherited = found.parents.map((parent) => namedReference(file, parent, path))
    return inherited.reduce(withInherited, membersSchema(file, found.members, path))
  }
  const alias = declarations.aliases.get(local)
  return alias === undefined ? open : typeSchema(file, alias, path)
}

function membersSchema(file: string, members: readonly TSSignature[], path: readonly string[]): Schema {
  const properties: Record<string, Schema> = {}
  const required: string[] = []
  for (const member of members) {
    if (member.type === 'TSIndexSignature') return { type: 'object', additionalProperties: typeSchema(file, member.typeAnnotation.typeAnnotation, path) }
    if (member.type !== 'TSPropertySignature' || member.typeAnnotation === null || member.typeAnnotation === undefined) continue
    const key = member.key.type === 'Literal' ? String(member.key.value) : member.key.type === 'Identifier' ? member.key.name : undefined
    if (key === undefined) continue
    properties[key] = typeSchema(file, member.typeAnnotation.typeAnnotation, [...path, key])
    if (!member.optional) required.push(key)
  }
  // An object embedded in another says its own type only if it likes to; the models give it the group of the one around it.
  const embedded = path.length > 0 && Array.isArray(properties['apiVersion']?.['enum']) && properties['kind'] !== undefined
  if (embedded) properties['apiVersion'] = properties['kind'] = { type: 'string' }
  const needed = embedded ? required.filter((key) => key !== 'apiVersion' && key !== 'kind') : required
  return Object.keys(properties).length === 0 ? open : { type: 'object', properties, ...(needed.length > 0 ? { required: needed } : {}) }
}

function typeSchema(file: string, type: TSType, path: readonly string[]): Schema {
  switch (type.type) {
    case 'TSStringKeyword': return { type: 'string' }
    case 'TSBooleanKeyword': return { type: 'boolean' }
    case 'TSNumberKeyword': return { type: 'integer' }
    case 'TSTypeLiteral': return membersSchema(file, type.members, path)
    case 'TSArrayType': return { type: 'array', items: typeSchema(file, type.elementType, path) }
    case 'TSLiteralType': return type.literal.type === 'Literal' ? { type: typeof type.literal.value === 'number' ? 'integer' : typeof type.literal.value, enum: [type.literal.value] } : open
    case 'TSParenthesizedType': return typeSchema(file, type.typeAnnotation, path)
    case 'TSUnionType': return unionSchema(file, type.types, path)
    case 'TSTypeReference': return referenceSchema(file, type, path)
    default: return open
  }
}

function unionSchema(file: string, types: readonly TSType[], path: readonly string[]): Schema {
  const parts = types.filter((t) => t.type !== 'TSNullKeyword' && t.type !== 'TSUndefinedKeyword').map((t) => typeSchema(file, t, path))
  if (parts.length === 1) return parts[0] ?? open
  if (parts.every((p) => Array.isArray(p['enum']))) return { type: parts[0]?.['type'], enum: parts.flatMap((p) => p['enum']) }
  const kinds = new Set(parts.map((p) => p['type']))
  if (kinds.size === 2 && kinds.has('string') && kinds.has('integer')) return { 'x-kubernetes-int-or-string': true }
  return { 'x-kubernetes-preserve-unknown-fields': true }
}

function referenceSchema(file: string, type: Extract<TSType, { type: 'TSTypeReference' }>, path: readonly string[]): Schema {
  const name = type.typeName.type === 'Identifier' ? type.typeName.name : ''
  if (name === 'Array') return { type: 'array', items: typeSchema(file, type.typeArguments?.params[0] ?? ({ type: 'TSUnknownKeyword' } as TSType), path) }
  if (name === 'Record') return { type: 'object', additionalProperties: typeSchema(file, type.typeArguments?.params[1] ?? ({ type: 'TSUnknownKeyword' } as TSType), path) }
  return namedReference(file, name, path)
}

/** Adds what an interface inherits: the wire form does not know inheritance. */
function withInherited(own: Schema, inherited: Schema): Schema {
  const required = [...((inherited['required'] ?? []) as string[]), ...((own['required'] ?? []) as string[])]
  return { type: 'object', properties: { ...(inherited['properties'] as object), ...(own['properties'] as object) }, ...(required.length > 0 ? { required: [...new Set(required)] } : {}) }
}

function namedReference(file: string, name: string, path: readonly string[]): Schema {
  const source = declarationsOf(file).imports.get(name)
  if (source === undefined) return namedSchema(file, name, path)
  if (source.startsWith('.')) {
    const target = join(dirname(file), source.replace(/\.js$/, '.d.ts'))
    const seen = path.filter((step) => step === `#${name}`).length
    return seen > 1 || path.length > 40 || !existsSync(target) ? open : namedSchema(target, name, [...path, `#${name}`])
  }
  const short = source.split('/').at(-1) ?? ''
  if (short === 'IntOrString') return { 'x-kubernetes-int-or-string': true }
  if (short === 'Quantity') return { 'x-kubernetes-int-or-string': true }
  return core[short] ?? open
}

/** The schema of a kind's object in a models package: `apiVersion`, `kind`, `metadata` as a CRD wants them, the rest from the types. */
export function crdSchema(pkg: string, group: string, version: string, kind: string): Schema {
  const root = dirname(createRequire(import.meta.url).resolve(`${pkg}/package.json`))
  const file = join(root, group, version, `${kind}.d.ts`)
  const { properties = {}, required = [] } = namedSchema(file, `I${kind}`, []) as { properties?: Record<string, Schema>; required?: string[] }
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...fields } = properties
  const wanted = required.filter((name) => name in fields)
  return {
    type: 'object',
    properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' }, ...fields },
    ...(wanted.length > 0 ? { required: wanted } : {}),
  }
}
