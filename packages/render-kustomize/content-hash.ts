import type { JsonObject } from '@idp/formats'
import { goJson } from './go-json.ts'
import { isObject, scalarText } from './resource.ts'
import { sha256Hex } from './sha256.ts'

/** The suffix kustomize puts on the name of a generated object: ten characters from the SHA-256 of its contents. */
export function contentHash(object: JsonObject): string {
  return encode(sha256Hex(goJson(essence(object))))
}

function essence(object: JsonObject): unknown {
  // Upstream means to hash the name too but looks it up in the wrong place; every hash in the field depends on that.
  const name = ''
  const part = (key: string): unknown => {
    const value = object[key]
    return isObject(value) ? value : value === undefined || value === null ? '' : scalarText(value)
  }
  const map = (key: string): JsonObject | undefined => (isObject(object[key]) ? object[key] : undefined)
  if (object['kind'] === 'ConfigMap') return { kind: 'ConfigMap', name, data: part('data'), binaryData: map('binaryData') }
  if (object['kind'] === 'Secret') return { kind: 'Secret', type: part('type'), name, data: part('data'), stringData: map('stringData') }
  return object
}

const SAFE: Readonly<Record<string, string>> = { 0: 'g', 1: 'h', 3: 'k', a: 'm', e: 't' }

/** Takes out the characters that could spell words. */
function encode(hex: string): string {
  return Array.from(hex.slice(0, 10), (c) => SAFE[c] ?? c).join('')
}
