import { CodedError } from '@idp/kit'
import { setKey, type GoMap } from '@idp/lang-gotemplate/core'

/** What merging needs to know of a chart. */
export interface ValuesChart { readonly name: string; readonly values: GoMap; readonly dependencies: readonly ValuesChart[] }

/** Is it a map? */
export function isTable(value: unknown): value is GoMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A deep copy of values. */
export function copyValues<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyValues) as T
  if (!isTable(value)) return value
  const out: GoMap = {}
  for (const key of Object.keys(value)) setKey(out, key, copyValues(value[key]))
  return out as T
}

/** The user's values over the chart's and its subcharts'; null deletes a default. */
export function coalesceValues(chart: ValuesChart, values: GoMap): GoMap {
  return coalesce(chart, copyValues(values), false)
}

/** As coalesceValues, but null stays for a later pass. */
export function mergeValues(chart: ValuesChart, values: GoMap): GoMap {
  return coalesce(chart, copyValues(values), true)
}

function coalesce(chart: ValuesChart, into: GoMap, keepNull: boolean): GoMap {
  addDefaults(chart, into, keepNull)
  for (const sub of chart.dependencies) {
    if (!Object.hasOwn(into, sub.name)) setKey(into, sub.name, {})
    const values = into[sub.name]
    if (!isTable(values)) {
      throw new CodedError({ code: 'InvalidValues', message: `type mismatch on ${sub.name}: the values of a subchart must be a map`, where: `values of chart ${chart.name}` })
    }
    passGlobals(into, values)
    setKey(into, sub.name, coalesce(sub, values, keepNull))
  }
  return into
}

/** The defaults of one chart below the given values. */
function addDefaults(chart: ValuesChart, into: GoMap, keepNull: boolean): void {
  const defaults = copyValues(chart.values)
  for (const key of Object.keys(defaults)) {
    const fallback = defaults[key]
    if (!Object.hasOwn(into, key)) {
      setKey(into, key, fallback)
      continue
    }
    const given = into[key]
    if (given === null && !keepNull) delete into[key]
    else if (isTable(given) && isTable(fallback)) {
      const isChild = chart.dependencies.some((sub) => sub.name === key)
      mergeTables(given, fallback, keepNull || isChild)
    }
  }
}

/** `global` of the parent over `global` of the child. */
function passGlobals(parent: GoMap, child: GoMap): void {
  const from = Object.hasOwn(parent, 'global') ? parent['global'] : {}
  const into = Object.hasOwn(child, 'global') ? child['global'] : {}
  if (!isTable(from) || !isTable(into)) return
  for (const key of Object.keys(from)) {
    const value = from[key]
    const has = Object.hasOwn(into, key)
    const before = into[key]
    if (isTable(value)) {
      const copy: GoMap = { ...value }
      if (!has) setKey(into, key, copy)
      else if (isTable(before)) setKey(into, key, mergeTables(copy, before, true))
    } else if (!has || !isTable(before)) setKey(into, key, value)
  }
  setKey(child, 'global', into)
}

/** Merges `under` into `over`, which wins. With `keepNull` a null stays, otherwise it deletes a default. */
export function mergeTables(over: GoMap, under: GoMap, keepNull: boolean): GoMap {
  for (const key of Object.keys(under)) {
    const fallback = under[key]
    if (!Object.hasOwn(over, key)) {
      setKey(over, key, fallback)
      continue
    }
    const value = over[key]
    if (value === null) {
      if (!keepNull && fallback !== null) delete over[key]
    } else if (isTable(fallback) && isTable(value)) mergeTables(value, fallback, keepNull)
  }
  return over
}

/** The value at a path with dots; undefined when there is none, or it is a map. */
export function pathValue(values: GoMap, path: string): unknown {
  if (path === '') return undefined
  const parts = path.split('.')
  const last = parts.pop() ?? ''
  const table = parts.length === 0 ? values : tableAt(values, parts.join('.'))
  if (table === undefined || !Object.hasOwn(table, last)) return undefined
  const value = table[last]
  return isTable(value) ? undefined : value
}

/** The map at a path with dots. */
export function tableAt(values: GoMap, path: string): GoMap | undefined {
  let table: GoMap = values
  for (const part of path.split('.')) {
    const next = Object.hasOwn(table, part) ? table[part] : undefined
    if (!isTable(next)) return undefined
    table = next
  }
  return table
}
