import type { ChartEntry } from '@idp/platform'
import { components } from '../../components/registry.generated.ts'

/** The stand-in charts of every component. */
export function chartEntries(): ChartEntry[] {
  return components.flatMap(({ folder, charts = [] }) => charts.map(({ repository, name, directory = 'chart' }) => ({ repository, name, directory: new URL(`${directory}/`, folder) })))
}
