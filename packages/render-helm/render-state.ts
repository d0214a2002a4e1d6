import type { GoMap, TemplateSet } from '@idp/lang-gotemplate/core'
import { Changes } from './changes.ts'
import type { ActiveChart } from './dependencies.ts'
import { compareCharts, type ChartDifference } from './chart-difference.ts'
import type { Chart } from './chart.ts'
import { undo } from './effects.ts'
import { IncludeMemo } from './include-memo.ts'
import { makePlan, type Plan } from './plan.ts'
import { share, type Shared } from './read-log.ts'
import type { RenderOptions } from './render-options.ts'
import { changedTemplates, renderablesOf, renderTemplates, templateSet, type Before, type Output, type Renderable, type TemplateServices } from './render-templates.ts'
import type { SortedParts } from './sorted-parts.ts'
import { updateData } from './update-data.ts'

/** A rendering and all it was made from. What templates saw is kept, with their changes to it, and turned into what they are to see next. */
export interface State {
  readonly chart: Chart
  readonly options: RenderOptions
  readonly plan: Plan
  readonly shared: Shared
  readonly renderables: readonly Renderable[]
  readonly set: TemplateSet
  readonly outputs: ReadonlyMap<string, Output>
  readonly includes: IncludeMemo
  /** The documents, once they are put together. */
  readonly sorted?: SortedParts
}

/** Renders; with what is left of the last rendering, which is used up by that unless this throws. A fault of a template is in the answer. */
export function nextState(chart: Chart, options: RenderOptions, services: TemplateServices, before: State | undefined): { state: State; fault?: { readonly error: unknown } } {
  const basis = before === undefined ? undefined : basisOf(chart, options, before)
  const plan = basis?.plan ?? makePlan(chart, options)
  const roots = plan.dots.map(({ dot }) => dot)
  const shared = basis?.shared ?? sharedOf(roots)
  const renderables = basis?.renderables ?? renderablesOf(plan.dots)
  const set = basis?.set ?? templateSet(renderables)
  const includes = basis === undefined ? new IncludeMemo() : before?.includes ?? new IncludeMemo()
  const { outputs, fault } = renderTemplates({ renderables, set, roots, services, shared, includes, files: plan.files, before: basis?.before })
  return { state: { chart, options, plan, shared, renderables, set, outputs, includes }, ...(fault === undefined ? {} : { fault }) }
}

function sharedOf(roots: readonly GoMap[]): Shared {
  const shared: Shared = new WeakSet()
  for (const root of roots) share(root, shared)
  return shared
}

interface Basis { readonly plan: Plan; readonly shared: Shared; readonly renderables: readonly Renderable[]; readonly set: TemplateSet; readonly before: Before }

/** What can be kept of the last rendering; undefined when that is nothing. */
function basisOf(chart: Chart, options: RenderOptions, before: State): Basis | undefined {
  if (!sameCapabilities(before.options, options)) return undefined
  const difference = compareCharts(before.chart, chart)
  const sameValues = difference.sameValues && sameGiven(before.options, options)
  for (const output of [...before.outputs.values()].reverse()) undo(output.writes)
  const changes = new Changes()
  const plan = sameValues ? sameData(before.plan, difference) : newData(before, readable(makePlan(chart, options)), changes)
  if (plan === undefined) return undefined
  const sameTemplates = sameValues && difference.sameTemplates
  const renderables = sameTemplates ? before.renderables : renderablesOf(plan.dots, before.renderables)
  const set = sameTemplates ? before.set : templateSet(renderables)
  if (!sameTemplates && lostWriter(before, renderables)) return undefined
  const files = changedFiles(plan, difference)
  return { plan, shared: before.shared, renderables, set, before: { outputs: before.outputs, changes, files, templates: changedTemplates(before.set, set) } }
}

function sameCapabilities(a: RenderOptions, b: RenderOptions): boolean {
  return a.kubeVersion === b.kubeVersion && a.helmVersion === b.helmVersion && sameJson(a.apiVersions ?? [], b.apiVersions ?? [])
}

/** All other options that templates can see. */
function sameGiven(a: RenderOptions, b: RenderOptions): boolean {
  return a.isUpgrade === b.isUpgrade && a.revision === b.revision && a.skipSchemaValidation === b.skipSchemaValidation && sameJson(a.values ?? [], b.values ?? [])
}

function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && sameJson((a as GoMap)[key], (b as GoMap)[key]))
}

/** The same data over the charts as they are now; the old plan stays, for the next rendering when this one fails. */
function sameData(plan: Plan, { now }: ChartDifference): Plan {
  const actives = new Map<ActiveChart, ActiveChart>()
  const renewed = (active: ActiveChart): ActiveChart => {
    const copy = { ...active, chart: now.get(active.chart) ?? active.chart, dependencies: active.dependencies.map(renewed) }
    actives.set(active, copy)
    return copy
  }
  const active = renewed(plan.active)
  return { ...plan, active, dots: plan.dots.map((dot) => ({ ...dot, active: actives.get(dot.active) ?? dot.active })) }
}

/** A plan whose templates can be read: what is wrong with one shows before any data is changed. */
function readable(plan: Plan): Plan {
  templateSet(renderablesOf(plan.dots))
  return plan
}

/** The old data turned into the new; undefined when other charts take part, or it cannot be done. */
function newData(before: State, fresh: Plan, changes: Changes): Plan | undefined {
  const { dots } = before.plan
  if (dots.length !== fresh.dots.length || dots.some(({ active }, i) => active.fullPath !== fresh.dots[i]?.active.fullPath)) return undefined
  const [live, next] = [dots[0], fresh.dots[0]]
  if (live === undefined || next === undefined || !updateData(live.dot, next.dot, changes, before.shared)) return undefined
  return { ...before.plan, active: fresh.active, dots: dots.map((dot, i) => ({ ...dot, active: fresh.dots[i]?.active ?? dot.active })) }
}

/** Puts the files of today under `.Files`; answers the paths of those that differ. */
function changedFiles(plan: Plan, difference: ChartDifference): string[] {
  if (difference.sameFiles) return []
  const changed: string[] = []
  for (const { active, files } of plan.dots) {
    const before = files.now
    const now = active.chart.files
    if (before === now) continue
    for (const [path, bytes] of now) if (before.get(path) !== bytes) changed.push(files.prefix + path)
    for (const path of before.keys()) if (!now.has(path)) changed.push(files.prefix + path)
    files.now = now
  }
  return changed
}

/** A template that changed what others see is gone: there is no place any more to tell what that meant. */
function lostWriter(before: State, renderables: readonly Renderable[]): boolean {
  const paths = new Set(renderables.map(({ path }) => path))
  for (const [path, { writes }] of before.outputs) if (writes.length > 0 && !paths.has(path)) return true
  return false
}
