import { parseYaml, type Json, type JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { isObject } from './json-schema.ts'

/** Files of configuration, the later over the earlier; `${NAME}` is a variable of the environment, `$${` a plain `${`. A value whose variable is missing is left out, as upstream does. */
export function readAppConfig(files: readonly { readonly name: string; readonly text: string }[], env: Readonly<Record<string, string>>): { readonly config: JsonObject; readonly missing: readonly string[] } {
  const missing: string[] = []
  let config: JsonObject = {}
  for (const { name, text } of files) {
    const value = parseYaml(text, { source: name })
    if (value === null) continue
    if (!isObject(value)) throw new CodedError({ code: 'InvalidAppConfig', message: 'the configuration is not a mapping', where: name })
    config = merge(config, substitute(value, env, missing) as JsonObject)
  }
  return { config, missing }
}

function substitute(value: Json, env: Readonly<Record<string, string>>, missing: string[]): Json | undefined {
  if (Array.isArray(value)) return value.map((one) => substitute(one, env, missing)).filter((one) => one !== undefined)
  if (isObject(value)) return Object.fromEntries(Object.entries(value).flatMap(([key, one]) => { const made = substitute(one, env, missing); return made === undefined ? [] : [[key, made]] }))
  if (typeof value !== 'string') return value
  let gone = false
  const text = value.replace(/\$(\$?)\{([^}]*)\}/g, (_, escaped: string, inner: string) => {
    if (escaped !== '') return `\${${inner}}`
    const [name = '', ...fallback] = inner.split(':-')
    const found = env[name.trim()] ?? (fallback.length > 0 ? fallback.join(':-').trim() : undefined)
    if (found === undefined) { gone = true; missing.push(name.trim()) }
    return found ?? ''
  })
  return gone ? undefined : text
}

function merge(a: JsonObject, b: JsonObject): JsonObject {
  const made = { ...a }
  for (const [key, value] of Object.entries(b)) { const old = made[key]; made[key] = isObject(old) && isObject(value) ? merge(old, value) : value }
  return made
}

/** The value at a dotted path. */
export function configAt(config: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = config
  for (const part of path.split('.')) value = isObject(value) ? value[part] : undefined
  return value
}
export const configText = (config: JsonObject, path: string): string | undefined => { const value = configAt(config, path); return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined }
/** The objects of a list. */
export const configList = (config: JsonObject, path: string): readonly JsonObject[] => { const value = configAt(config, path); return Array.isArray(value) ? value.filter(isObject) : [] }
