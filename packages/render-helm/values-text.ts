import { CodedError } from '@idp/kit'
import type { Json, JsonObject } from '@idp/formats'
import { readYaml, readYamlDocuments, type DuplicateKeys } from './go-yaml.ts'

/** Top-level parts of values files by their text: a change to one of them costs what that part costs. They are never changed. */
const parts = new Map<string, JsonObject>()
const mostCharacters = 16 * 1024 * 1024
const longestText = 8 * 1024 * 1024
let characters = 0

const keyLine = /^(?:[A-Za-z0-9_][\w./-]*|"[^"\\]*"|'[^']*') *:(?:[ \t\r]|$)/
/** Lines at the margin that go on with what the key above began. */
const innerLine = /^(?:#|- |-\r?$|[}\]])/
const alias = /(?:^|[\s[{,:-])\*\w/

/** The documents of a values file. Throws CodedError `InvalidYaml`. */
export function readValuesText(text: string, source: string, duplicateKeys?: DuplicateKeys): Json[] {
  // Equal keys inside a part would pass.
  const whole = duplicateKeys === 'error' ? undefined : byParts(text)
  return whole === undefined ? readYamlDocuments(text, source, duplicateKeys).map(({ value }) => value) : [whole]
}

/** One map, read part by part; undefined when the text is not so plain that this is sure to give the same. */
function byParts(text: string): JsonObject | undefined {
  if (text.length > longestText) return undefined
  const texts = split(text)
  if (texts === undefined) return undefined
  const all: JsonObject = {}
  for (const part of texts) {
    const value = readPart(part)
    const keys = value === undefined ? [] : Object.keys(value)
    const [key] = keys
    if (value === undefined || key === undefined || keys.length !== 1 || key === '__proto__' || Object.hasOwn(all, key)) return undefined
    all[key] = value[key] ?? null
  }
  return all
}

/** Cut before each key at the margin. */
function split(text: string): string[] | undefined {
  const found: string[] = []
  let start = 0
  let begun = false
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf('\n', at)
    const end = newline < 0 ? text.length : newline
    const first = text.charCodeAt(at)
    if (end > at && first !== 32 && first !== 13) {
      const line = text.slice(at, end)
      if (keyLine.test(line)) {
        if (begun) {
          found.push(text.slice(start, at))
          start = at
        }
        begun = true
      } else if (!innerLine.test(line)) return undefined
    }
    at = end + 1
  }
  if (begun) found.push(text.slice(start))
  return begun ? found : undefined
}

function readPart(text: string): JsonObject | undefined {
  const known = parts.get(text)
  if (known !== undefined) return known
  // What an alias stands for may be in another part.
  if (alias.test(text)) return undefined
  let value: Json
  try {
    value = readYaml(text)
  } catch (error) {
    // Read as a whole, the fault gets its place.
    if (error instanceof CodedError) return undefined
    throw error
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  parts.set(text, value)
  characters += text.length
  for (const old of parts.keys()) {
    if (characters <= mostCharacters) break
    parts.delete(old)
    characters -= old.length
  }
  return value
}
