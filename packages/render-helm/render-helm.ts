import { systemClock, systemRandom, type FileTree } from '@idp/kit'
import type { Chart } from './chart.ts'
import { assemble } from './assemble.ts'
import { IncludeMemo } from './include-memo.ts'
import { loadChart, reloadChart } from './load-chart.ts'
import { makePlan } from './plan.ts'
import type { Rendering, RenderOptions } from './render-options.ts'
import { nextState, type State } from './render-state.ts'
import { renderablesOf, renderTemplates, templateSet, type TemplateServices } from './render-templates.ts'

/** What the caller knows about the time since the last rendering. */
export interface RenderHint {
  /** Paths of all files that changed, came or went: only these are read again. Absent when unknown: every file is compared. */
  readonly changed?: readonly string[]
}

/** Renders charts; keeps what it needs to render one again at the cost of what changed. */
export interface HelmRenderer {
  /** As {@link renderHelm}. Templates for which nothing they used has changed are not run again. */
  render(source: FileTree | Chart, options: RenderOptions, hint?: RenderHint): Promise<Rendering>
}

/** A renderer that remembers the last rendering of each of the `most` releases it saw last. */
export function createHelmRenderer(most = 64): HelmRenderer {
  const kept = new Map<string, Kept>()
  return {
    async render(source, options, hint = {}) {
      const name = JSON.stringify([options.releaseName, options.namespace, options.limits?.source ?? ''])
      const last = kept.get(name)
      // It comes back with what is left of it: two renderings at once must not share it.
      kept.delete(name)
      const before = last?.state
      const changed = last?.missed === undefined || hint.changed === undefined ? undefined : [...last.missed, ...hint.changed]
      // Until the chart is loaded, what changed since the last one has not been seen.
      const keep = (state: State | undefined, missed: readonly string[] | undefined): void => {
        if (state === undefined) return
        kept.set(name, { state, missed })
        for (const oldest of kept.keys()) {
          if (kept.size <= most) break
          kept.delete(oldest)
        }
      }
      let next: ReturnType<typeof nextState>
      try {
        const chart = 'metadata' in source ? source
          : before !== undefined && changed !== undefined ? await reloadChart(source, before.chart, changed, options.limits)
            : await loadChart(source, options.limits, before?.chart)
        next = nextState(chart, options, servicesOf(options), before)
      } catch (error) {
        keep(before, changed)
        throw error
      }
      const { state, fault } = next
      if (fault !== undefined) {
        keep({ ...state, ...(before?.sorted === undefined ? {} : { sorted: before.sorted }) }, [])
        throw fault.error
      }
      keep(state, [])
      const { rendering, sorted } = await assemble(state.outputs, state.plan.active, options, before?.sorted)
      keep({ ...state, sorted }, [])
      return rendering
    },
  }
}

/** `missed` are files that changed since the state was made; undefined when that is not known. */
interface Kept { readonly state: State; readonly missed: readonly string[] | undefined }

/** Renders a chart as `helm template` does. Throws CodedError; templates reach no network, environment or file outside the chart. */
export async function renderHelm(source: FileTree | Chart, options: RenderOptions): Promise<Rendering> {
  const chart = 'metadata' in source ? source : await loadChart(source, options.limits)
  const plan = makePlan(chart, options)
  const roots = plan.dots.map(({ dot }) => dot)
  const renderables = renderablesOf(plan.dots)
  const { outputs, fault } = renderTemplates({ renderables, set: templateSet(renderables), roots, files: plan.files, shared: undefined, before: undefined, includes: new IncludeMemo(), services: servicesOf(options) })
  if (fault !== undefined) throw fault.error
  return (await assemble(outputs, plan.active, options)).rendering
}

function servicesOf(options: RenderOptions): TemplateServices {
  const clock = options.clock ?? systemClock
  return { random: options.random ?? systemRandom, now: () => clock.now(), lookup: options.lookup ?? (() => undefined), limits: options.limits ?? {} }
}
