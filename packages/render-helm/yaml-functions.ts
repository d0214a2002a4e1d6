import { CodedError } from '@idp/kit'
import { compareYamlKeys, formatYaml } from '@idp/formats'
import { toBase64, GoError, isNilSlice, isFunction, Num, setKey, Struct, type GoMap } from '@idp/lang-gotemplate/core'
import { readYaml } from './go-yaml.ts'

/** sigs.k8s.io/yaml's Marshal without the last line break. */
export function toYaml(value: unknown): string {
  return formatYaml(plain(value)).replace(/\n$/, '')
}

/** toYamlPretty: as toYaml, with lists indented below their key. */
export function toPrettyYaml(value: unknown): string {
  return prettyLines(plain(value)).join('\n')
}

function prettyLines(value: unknown): string[] {
  if (Array.isArray(value) && value.length > 0) {
    return value.flatMap((item) => prettyLines(item).map((line, i) => (i === 0 ? `- ${line}` : `  ${line}`)))
  }
  if (!isFilledMap(value)) return formatYaml(value).replace(/\n$/, '').split('\n')
  return Object.keys(value).sort(compareYamlKeys).flatMap((key) => {
    const member = value[key]
    const isNested = isFilledMap(member) || (Array.isArray(member) && member.length > 0)
    const own = formatYaml({ [key]: isNested ? 0 : member }).replace(/\n$/, '')
    return isNested ? [own.slice(0, -2), ...prettyLines(member).map((line) => `  ${line}`)] : own.split('\n')
  })
}

function isFilledMap(value: unknown): value is GoMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
}

/** A value as JSON would carry it: what only Go knows becomes text, numbers and maps. The same object when there is nothing to do. */
export function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value === undefined ? null : typeof value === 'string' ? wellFormed(value) : value
  if (Array.isArray(value)) {
    if (isNilSlice(value)) return null
    let copy: unknown[] | undefined
    for (let i = 0; i < value.length; i++) {
      const item = plain(value[i])
      if (item !== value[i]) (copy ??= value.slice())[i] = item
    }
    return copy ?? value
  }
  if (value instanceof Num) return value.value
  if (value instanceof Uint8Array) return toBase64(value)
  if (value instanceof Struct) return plain(value.shape.json?.() ?? value.shape.content ?? value.shape.fields ?? {})
  if (isFunction(value)) throw new GoError('error marshaling into JSON: json: unsupported type: func')
  return plainMap(value as GoMap)
}

function plainMap(map: GoMap): GoMap {
  let copy: GoMap | undefined
  for (const key of Object.keys(map)) {
    const item = plain(map[key])
    if (item === map[key]) continue
    copy ??= { ...map }
    setKey(copy, key, item)
  }
  return copy ?? map
}

function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed()
}

/** Helm's text for a YAML fault. */
export function yamlFault(error: CodedError): string {
  const line = /:(\d+):\d+$/.exec(error.where ?? '')?.[1]
  return `error converting YAML to JSON: yaml: ${line === undefined ? '' : `line ${line}: `}${error.message}`
}

/** fromYaml: a map; a fault is its member `Error`. */
export function fromYaml(text: string): GoMap {
  try {
    const value = readYaml(text)
    if (value === null) return {}
    if (typeof value === 'object' && !Array.isArray(value)) return value as GoMap
    return { Error: `error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}` }
  } catch (error) {
    if (error instanceof CodedError) return { Error: yamlFault(error) }
    throw error
  }
}

/** fromYamlArray: a list; a fault is its only item. */
export function fromYamlArray(text: string): unknown[] {
  try {
    const value = readYaml(text)
    if (value === null) return []
    if (Array.isArray(value)) return value
    return [`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonKind(value)} into Go value of type []interface {}`]
  } catch (error) {
    if (error instanceof CodedError) return [yamlFault(error)]
    throw error
  }
}

export function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'object') return 'object'
  return typeof value === 'boolean' ? 'bool' : typeof value
}
