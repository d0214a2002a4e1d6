import { deepEqual, type AnyObject, type Json, type JsonObject } from '@idp/formats'

/** Where an object differs from the one a test file wants (`/spec/replicas: want 1, got 2`), or undefined. What such files may leave out does not count: namespace `default`, labels of generation, null and empty members. */
export function objectDifference(want: AnyObject, got: AnyObject): string | undefined {
  return firstDifference(tidy(want), tidy(got))
}

function tidy(object: AnyObject): Json {
  const { namespace, labels, ...metadata } = object.metadata as unknown as JsonObject
  const kept = Object.entries((labels ?? {}) as JsonObject).filter(([key]) => !key.startsWith('generate.kyverno.io/') && key !== 'app.kubernetes.io/managed-by')
  return withoutEmpty({ ...(object as unknown as JsonObject), metadata: { ...metadata, ...(namespace === undefined || namespace === 'default' ? {} : { namespace }), labels: Object.fromEntries(kept) } }) ?? {}
}

function withoutEmpty(value: Json | undefined): Json | undefined {
  if (value === null || value === undefined) return undefined
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => withoutEmpty(item) ?? {})
  if (typeof value !== 'object') return value
  const kept = Object.entries(value).flatMap(([key, sub]): [string, Json][] => {
    const tidied = withoutEmpty(sub)
    return tidied === undefined ? [] : [[key, tidied]]
  })
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}

function firstDifference(want: Json | undefined, got: Json | undefined, path = ''): string | undefined {
  if (want === undefined || got === undefined) return want === got ? undefined : `${path}: want ${shown(want)}, got ${shown(got)}`
  if (deepEqual(want, got)) return undefined
  if (typeof want === 'object' && typeof got === 'object' && want !== null && got !== null && Array.isArray(want) === Array.isArray(got)) {
    const [a, b] = [want as JsonObject, got as JsonObject]
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const inner = firstDifference(a[key], b[key], `${path}/${key}`)
      if (inner !== undefined) return inner
    }
  }
  return `${path}: want ${shown(want)}, got ${shown(got)}`
}
const shown = (value: Json | undefined): string => (JSON.stringify(value) ?? 'nothing').slice(0, 120)
