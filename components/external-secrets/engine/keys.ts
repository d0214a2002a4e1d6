import { RE2JS } from 're2js'
import type { ConversionStrategy, DecodingStrategy, Rewrite } from '../kinds/external-secrets.ts'
import { bytes, bytesOfJson, jsonText, text, type SecretMap } from './secret-map.ts'

/** Runs the template of a `transform` over a key. */
export type Transform = (template: string, key: string) => string

/** Turns characters that no key of a Secret may have into `_` (Default) or `_Uxxxx_` (Unicode). Throws when two keys become one. */
export function convertKeys(strategy: ConversionStrategy, map: SecretMap): SecretMap {
  const out: SecretMap = new Map()
  for (const [key, value] of map) {
    const converted = [...key].map((sign) => (/[\p{L}\p{N}\-._]/u.test(sign) || strategy === 'None' ? sign : strategy === 'Unicode' ? `_U${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}_` : '_')).join('')
    if (out.has(converted)) throw new Error(`secret name collision during conversion: ${converted}`)
    out.set(converted, value)
  }
  return out
}

/** Drops the empty key and refuses what no Secret may have. */
export function validateKeys(map: SecretMap): void {
  map.delete('')
  for (const key of map.keys()) {
    if (key.length > 253) throw new Error(`key has length ${key.length} but max is 253: (following is truncated): ${key.slice(0, 253)}`)
    const wrong = [...key].find((sign) => !/[\p{L}\p{N}\-._]/u.test(sign))
    if (wrong !== undefined) throw new Error(`key has invalid character ${wrong}, only alphanumeric, '-', '.' and '_' are allowed: ${key}`)
  }
}

/** @throws Error that does not quote the value */
export function decode(strategy: DecodingStrategy, value: Uint8Array): Uint8Array {
  if (strategy === 'None') return value
  const encoded = text(value)
  const standard = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded.replaceAll(/[\r\n]/g, ''))
  const url = /^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2}==|[A-Za-z0-9_-]{3}=)?$/.test(encoded.replaceAll(/[\r\n]/g, ''))
  const decoded = (): Uint8Array => new Uint8Array(Buffer.from(encoded, 'base64'))
  if (strategy === 'Auto') return standard || url ? decoded() : value
  if (strategy === 'Base64' ? standard : url) return decoded()
  throw new Error('illegal base64 data')
}

/** Rewrites keys, one operation after the other. Throws with the index of the operation that failed. */
export function rewriteKeys(operations: readonly Rewrite[], map: SecretMap, transform: Transform): SecretMap {
  return operations.reduce((current, operation, index) => {
    try {
      if (operation.merge !== undefined) return merge(operation.merge, current)
      if (operation.regexp !== undefined) return regexp(operation.regexp, current)
      const { transform: template } = operation
      return template === undefined ? current : new Map([...current].map(([key, value]) => [transform(template.template, key), value]))
    } catch (error) {
      throw new Error(`failed rewrite operation[${index}]: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }, map)
}

function regexp({ source, target }: NonNullable<Rewrite['regexp']>, map: SecretMap): SecretMap {
  let pattern: RE2JS
  try {
    pattern = RE2JS.compile(source)
  } catch (error) {
    throw new Error(`regexp failed with failed to compile: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  return new Map([...map].map(([key, value]) => [replaceAll(pattern, key, target), value]))
}

/** Go's ReplaceAllString: `$1`, `${1}` and `${name}` are groups, `$$` is a dollar, a group that is not there is nothing. */
function replaceAll(pattern: RE2JS, key: string, target: string): string {
  const matcher = pattern.matcher(key)
  const groups = pattern.namedGroups() as Record<string, number>
  let out = ''
  let at = 0
  let before = -1
  while (matcher.find()) {
    // Go leaves out an empty match right behind another: `(.*)` matches a whole key once.
    if (matcher.end() === matcher.start() && matcher.start() === before) continue
    before = matcher.end()
    const group = (name: string): string => {
      const index = /^\d+$/.test(name) ? Number(name) : groups[name]
      return index === undefined || index > matcher.groupCount() ? '' : matcher.group(index) ?? ''
    }
    out += key.slice(at, matcher.start()) + target.replaceAll(/\$(?:(\$)|\{(\w+)\}|(\w+))/g, (_all, dollar?: string, braced?: string, plain?: string) => (dollar === undefined ? group(braced ?? plain ?? '') : '$'))
    at = matcher.end()
  }
  return out + key.slice(at)
}

function merge({ into, priority = [], priorityPolicy, conflictPolicy, strategy = 'Extract' }: NonNullable<Rewrite['merge']>, map: SecretMap): SecretMap {
  const merged: Record<string, unknown> = {}
  const conflicts: string[] = []
  for (const key of [...[...map.keys()].filter((each) => !priority.includes(each)).sort(), ...priority]) {
    const value = map.get(key)
    if (value === undefined) {
      if (priorityPolicy === 'IgnoreNotFound') continue
      throw new Error(`merge failed with key "${key}" not found in input map`)
    }
    for (const [name, each] of Object.entries(jsonObject(value, key))) {
      if (Object.hasOwn(merged, name)) conflicts.push(name)
      merged[name] = each
    }
  }
  if (conflictPolicy !== 'Ignore' && conflicts.length > 0) throw new Error(`merge failed with conflicts: ${conflicts.join(', ')}`)
  if (strategy === 'Extract') return new Map(Object.entries(merged).map(([name, each]) => [name, bytesOfJson(each)]))
  if (into === undefined || into === '') throw new Error(`merge failed with missing 'into' field`)
  return new Map([...map, [into, bytes(jsonText(merged))]])
}

function jsonObject(value: Uint8Array, key: string): object {
  try {
    const parsed: unknown = JSON.parse(text(value))
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed
  } catch {
    // Said below, without the value.
  }
  throw new Error(`merge failed with failed to unmarshal JSON of key ${JSON.stringify(key)}`)
}
