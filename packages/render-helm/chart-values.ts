import { fn, GoError, goType, mapOf, namedMap, reading, readsNothing, strings, Struct, typedMap, type GoMap } from '@idp/lang-gotemplate/core'
import type { ActiveChart } from './dependencies.ts'
import { filesValue, type ChartFiles, type FilesRead } from './chart-files.ts'
import { isTable, pathValue, tableAt } from './values.ts'
import { toYaml } from './yaml-functions.ts'

/** The dot of a chart's templates: Values, Chart, Files, Release, Capabilities, Subcharts; Template is set for each file. */
export interface ChartDot { readonly active: ActiveChart; readonly dot: GoMap; readonly files: ChartFiles }

/** The dots of a chart and all its subcharts; the root comes first. */
export function chartDots(root: ActiveChart, values: GoMap, release: GoMap, capabilities: Struct, filesRead: FilesRead): ChartDot[] {
  const dots: ChartDot[] = []
  build(root, values, release, capabilities, dots, filesRead)
  return dots
}

function build(active: ActiveChart, values: GoMap, release: GoMap, capabilities: Struct, dots: ChartDot[], filesRead: FilesRead): GoMap {
  const subcharts: GoMap = {}
  const files: ChartFiles = { prefix: `${active.fullPath}/`, now: active.chart.files }
  const dot: GoMap = {
    Chart: chartValue(active), Files: filesValue(files, filesRead), Release: release, Capabilities: capabilities, Values: named(values), Subcharts: subcharts,
  }
  dots.push({ active, dot: named(dot), files })
  for (const sub of active.dependencies) {
    const own = Object.hasOwn(values, sub.name) ? values[sub.name] : undefined
    subcharts[sub.name] = build(sub, isTable(own) ? own : {}, release, capabilities, dots, filesRead)
  }
  return dot
}

/** Marks a map as Helm's type Values, with its methods. */
export function named(map: GoMap): GoMap {
  if (map[goType] !== undefined || !Object.isExtensible(map)) return map
  return namedMap('common.Values', map, () => ({
    AsMap: reading(readsNothing, fn('', () => map)),
    YAML: fn('', () => `${toYaml(map)}\n`),
    Table: fn('string', (path: string) => tableAt(map, path) ?? refuse(`"${path}" is not a table`)),
    PathValue: fn('string', (path: string) => pathValue(map, path) ?? refuse(`"${path}" is not a value`)),
  }))
}

function refuse(message: string): never {
  throw new GoError(message)
}

/** `.Chart`: the fields of Chart.yaml under their Go names. */
function chartValue(active: ActiveChart): GoMap {
  const { metadata } = active.chart
  return {
    Name: active.name, Home: metadata.home, Sources: [...metadata.sources], Version: metadata.version, Description: metadata.description,
    Keywords: [...metadata.keywords], Icon: metadata.icon, APIVersion: metadata.apiVersion, Condition: metadata.condition, Tags: metadata.tags,
    AppVersion: metadata.appVersion, Deprecated: metadata.deprecated, KubeVersion: metadata.kubeVersion, Type: metadata.type, IsRoot: active.isRoot,
    Annotations: typedMap('map[string]string', mapOf(Object.entries(metadata.annotations))),
    Maintainers: metadata.maintainers.map(({ name, email, url }) => ({ Name: name, Email: email, URL: url })),
    Dependencies: active.requirements.map((dependency) => ({
      Name: dependency.name, Version: dependency.version, Repository: dependency.repository, Condition: dependency.condition,
      Tags: strings([...dependency.tags]), Enabled: true, ImportValues: [...dependency.importValues], Alias: dependency.alias,
    })),
  }
}
