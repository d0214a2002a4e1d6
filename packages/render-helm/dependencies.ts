import { semverCompare, GoError, type GoMap } from '@idp/lang-gotemplate/core'
import type { Chart, Dependency } from './chart.ts'
import { coalesceValues, copyValues, isTable, mergeTables, mergeValues, pathValue, tableAt, type ValuesChart } from './values.ts'

/** A chart ready to render: dependencies enabled, renamed and filled with imported values. */
export interface ActiveChart extends ValuesChart {
  chart: Chart
  readonly name: string
  values: GoMap
  dependencies: ActiveChart[]
  /** Those of Chart.yaml that are switched on, by their name here. */
  requirements: readonly Dependency[]
  readonly isRoot: boolean
  /** `parent/charts/child`. */
  readonly fullPath: string
}

/** Applies aliases, conditions, tags and import-values of a chart and its subcharts for the user's values. */
export function activate(chart: Chart, values: GoMap): ActiveChart {
  const root = plain(chart, chart.metadata.name, undefined)
  enable(root, values, '')
  importAll(root)
  return root
}

function plain(chart: Chart, name: string, parent: ActiveChart | undefined): ActiveChart {
  const active: ActiveChart = {
    chart, name, values: chart.values as GoMap, dependencies: [], requirements: chart.metadata.dependencies, isRoot: parent === undefined,
    fullPath: parent === undefined ? name : `${parent.fullPath}/charts/${name}`,
  }
  active.dependencies = chart.dependencies.map((sub) => plain(sub, sub.metadata.name, active))
  return active
}

/** Does a chart's version meet a dependency's range? */
export function isInRange(range: string, version: string): boolean {
  try {
    return semverCompare(range, version)
  } catch (error) {
    if (error instanceof GoError) return false
    throw error
  }
}

function enable(active: ActiveChart, values: GoMap, path: string): void {
  const wanted = active.chart.metadata.dependencies
  if (wanted.length === 0) return
  const present = active.chart.dependencies
  const matches = (sub: Chart, dependency: Dependency) => sub.metadata.name === dependency.name && isInRange(dependency.version, sub.metadata.version)
  const unnamed = present.filter((sub) => !wanted.some((dependency) => matches(sub, dependency)))
  const named = wanted.flatMap((dependency) => {
    const sub = present.find((candidate) => matches(candidate, dependency))
    return sub === undefined ? [] : [plain(sub, dependency.alias || dependency.name, active)]
  })
  active.dependencies = [...unnamed.map((sub) => plain(sub, sub.metadata.name, active)), ...named]
  const renamed = wanted.map((dependency) => ({ ...dependency, name: dependency.alias || dependency.name }))
  const coalesced = coalesceValues(active, values)
  const off = new Set(renamed.filter((dependency) => !isEnabled(dependency, coalesced, path)).map((dependency) => dependency.name))
  active.dependencies = active.dependencies.filter((sub) => !off.has(sub.name))
  active.requirements = renamed.filter((dependency) => !off.has(dependency.name))
  for (const sub of active.dependencies) enable(sub, coalesced, `${path}${sub.name}.`)
}

/** The first condition that is a boolean decides, else the tags. */
function isEnabled(dependency: Dependency, values: GoMap, path: string): boolean {
  for (const condition of dependency.condition.trim().split(',')) {
    if (condition === '') continue
    const value = pathValue(values, path + condition)
    if (typeof value === 'boolean') return value
  }
  const tags = Object.hasOwn(values, 'tags') ? values['tags'] : undefined
  if (!isTable(tags)) return true
  const set = dependency.tags.map((tag) => (Object.hasOwn(tags, tag) ? tags[tag] : undefined)).filter((value) => typeof value === 'boolean')
  return set.length === 0 || set.includes(true)
}

/** import-values, from the leaves up. */
function importAll(active: ActiveChart): void {
  for (const sub of active.dependencies) importAll(sub)
  if (active.requirements.length === 0) return
  const all = mergeValues(active, {})
  let imported: GoMap = {}
  for (const dependency of active.requirements) {
    for (const wish of dependency.importValues) {
      const [child, parent] = isTable(wish) ? [String(wish['child'] ?? '<nil>'), String(wish['parent'] ?? '<nil>')] : [`exports.${String(wish)}`, '.']
      const table = tableAt(all, `${dependency.name}.${child}`)
      if (table === undefined) continue
      // Not a copy: as in Helm, what is imported into one map shows in the child it came from.
      imported = mergeTables(imported, parent === '.' ? table : nest(parent, table), true)
    }
  }
  active.values = mergeTables(copyValues(all), imported, true)
}

function nest(path: string, table: GoMap): GoMap {
  return path.split('.').reduceRight<GoMap>((inner, part) => ({ [part]: inner }), table)
}
