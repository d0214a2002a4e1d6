import type { Chart } from './chart.ts'

export interface ChartDifference {
  /** Everything but templates and other files is the same. */
  readonly sameValues: boolean
  readonly sameFiles: boolean
  readonly sameTemplates: boolean
  /** The chart as it is now for each chart as it was. */
  readonly now: ReadonlyMap<Chart, Chart>
}

/** What changed between two loads of a chart; loading keeps the parts that are the same. */
export function compareCharts(before: Chart, after: Chart): ChartDifference {
  const now = new Map<Chart, Chart>()
  let sameValues = true
  let sameFiles = true
  let sameTemplates = true
  const walk = (a: Chart, b: Chart): void => {
    now.set(a, b)
    if (a === b) return
    if (a.metadata !== b.metadata || a.values !== b.values || a.schema !== b.schema || a.dependencies.length !== b.dependencies.length) sameValues = false
    if (a.files !== b.files) sameFiles = false
    if (a.templates.length !== b.templates.length || a.templates.some((template, i) => template !== b.templates[i])) sameTemplates = false
    a.dependencies.forEach((sub, i) => {
      const other = b.dependencies[i]
      if (other !== undefined) walk(sub, other)
    })
  }
  walk(before, after)
  return { sameValues, sameFiles, sameTemplates, now }
}
