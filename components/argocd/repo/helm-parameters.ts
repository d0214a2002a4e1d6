import type { Json, JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'

/**
 * Sets one value by its path as `helm --set` does: `a.b`, `a[0].b`, `a\.b`. `{x,y}` is a list.
 * Unless `asText`, true, false, null and whole numbers are not text. Changes `values`.
 */
export function setParameter(values: JsonObject, path: string, text: string, asText = false): void {
  const steps = pathSteps(path)
  if (steps.length === 0) throw new CodedError({ code: 'InvalidParameter', message: `${JSON.stringify(path)} is not a path into the values`, remedy: 'Write a.b.c or a[0].b' })
  let at: Json = values
  steps.forEach((step, position) => {
    const next = steps[position + 1]
    const holder = at as Record<string | number, Json>
    if (next === undefined) {
      holder[step] = asText ? text : typed(text)
      return
    }
    const old = holder[step]
    if (old === null || old === undefined || typeof old !== 'object') holder[step] = typeof next === 'number' ? [] : {}
    at = holder[step] ?? {}
  })
}

function pathSteps(path: string): (string | number)[] {
  const steps: (string | number)[] = []
  let word = ''
  for (let i = 0; i < path.length; i++) {
    const c = path.charAt(i)
    if (c === '\\') word += path.charAt(++i)
    else if (c === '.') {
      if (word !== '') steps.push(word)
      word = ''
    } else if (c === '[') {
      const end = path.indexOf(']', i)
      const index = Number(path.slice(i + 1, end))
      if (end < 0 || !Number.isInteger(index) || index < 0 || index > 65_536) return []
      if (word !== '') steps.push(word)
      word = ''
      steps.push(index)
      i = end
    } else word += c
  }
  if (word !== '') steps.push(word)
  return steps.some((step) => step === '__proto__') ? [] : steps
}

function typed(text: string): Json {
  if (text.startsWith('{') && text.endsWith('}')) {
    const inner = text.slice(1, -1)
    return inner === '' ? [] : inner.split(',').map((one) => typed(one.trim()))
  }
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null') return null
  if (/^-?(0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  return text
}
