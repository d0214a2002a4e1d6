import { CodedError } from '@idp/kit'
import type { JsonObject } from '@idp/formats'
import type { GoMap } from '@idp/lang-gotemplate/core'
import { capabilitiesValue, defaultKubeVersion, readKubeVersion } from './capabilities.ts'
import type { Chart } from './chart.ts'
import { chartDots, type ChartDot } from './chart-values.ts'
import { activate, isInRange, type ActiveChart } from './dependencies.ts'
import { mergeMaps } from './load-chart.ts'
import type { RenderOptions } from './render-options.ts'
import type { FilesListener } from './render-templates.ts'
import { validateValues } from './values-schema.ts'
import { coalesceValues } from './values.ts'

/** What templates are run with. */
export interface Plan { readonly active: ActiveChart; readonly dots: readonly ChartDot[]; readonly files: FilesListener }

/** The dots of all charts that are switched on. Throws CodedError for values and metadata that do not fit. */
export function makePlan(chart: Chart, options: RenderOptions): Plan {
  if (chart.metadata.type === 'library') throw new CodedError({ code: 'LibraryChart', message: 'library charts are not installable', where: chart.metadata.name })
  const kube = readKubeVersion(options.kubeVersion ?? defaultKubeVersion)
  const given = (options.values ?? []).reduce<JsonObject>(mergeMaps, {}) as GoMap
  checkDependencies(chart)
  const active = activate(chart, given)
  const values = coalesceValues(active, given)
  if (options.skipSchemaValidation !== true) validateValues(active, values)
  checkKubeVersion(active, kube.normalized, kube.version)
  const release: GoMap = {
    Name: options.releaseName, Namespace: options.namespace, IsUpgrade: options.isUpgrade ?? false, IsInstall: !(options.isUpgrade ?? false),
    Revision: BigInt(options.revision ?? 1), Service: 'Helm',
  }
  const files: FilesListener = { listen: () => {} }
  const dots = chartDots(active, values, release, capabilitiesValue(kube, options.apiVersions ?? [], options.helmVersion), (test) => files.listen(test))
  return { active, dots, files }
}

function checkDependencies(chart: Chart): void {
  const absent = chart.metadata.dependencies.filter((wanted) => !chart.dependencies.some((sub) => sub.metadata.name === wanted.name)).map((wanted) => wanted.name)
  if (absent.length === 0) return
  throw new CodedError({
    code: 'MissingDependencies', where: chart.metadata.name,
    message: `found in Chart.yaml, but missing in charts/ directory: ${absent.join(', ')}`,
    remedy: 'Put the charts into charts/, as `helm dependency build` does',
  })
}

function checkKubeVersion(active: ActiveChart, normalized: string, version: string): void {
  const wanted = active.chart.metadata.kubeVersion
  if (wanted !== '' && !isInRange(wanted, normalized)) {
    throw new CodedError({ code: 'IncompatibleKubeVersion', message: `chart requires kubeVersion: ${wanted} which is incompatible with Kubernetes ${version}`, where: active.name })
  }
}
