import { systemClock, systemRandom, type FileTree } from '@idp/kit'
import type { Chart } from './chart.ts'
import { assemble } from './assemble.ts'
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
  const states = new Map<string, State>()
  return {
    async render(source, options, hint = {}) {
      const name = JSON.stringify([options.releaseName, options.namespace, options.limits?.source ?? ''])
      const before = states.get(name)
      // It comes back with the new rendering; after a failure there is nothing to build on.
      states.delete(name)
      const chart = 'metadata' in source ? source
        : before !== undefined && hint.changed !== undefined ? await reloadChart(source, before.chart, hint.changed, options.limits)
          : await loadChart(source, options.limits, before?.chart)
      const state = nextState(chart, options, servicesOf(options), before)
      const { rendering, sorted } = await assemble(state.outputs, state.plan.active, options, before?.sorted)
      states.set(name, { ...state, sorted })
      for (const oldest of states.keys()) {
        if (states.size <= most) break
        states.delete(oldest)
      }
      return rendering
    },
  }
}

/** Renders a chart as `helm template` does. Throws CodedError; templates reach no network, environment or file outside the chart. */
export async function renderHelm(source: FileTree | Chart, options: RenderOptions): Promise<Rendering> {
  const chart = 'metadata' in source ? source : await loadChart(source, options.limits)
  const plan = makePlan(chart, options)
  const roots = plan.dots.map(({ dot }) => dot)
  const renderables = renderablesOf(plan.dots)
  const outputs = renderTemplates({ renderables, set: templateSet(renderables), roots, files: plan.files, shared: undefined, before: undefined, services: servicesOf(options) })
  return (await assemble(outputs, plan.active, options)).rendering
}

function servicesOf(options: RenderOptions): TemplateServices {
  const clock = options.clock ?? systemClock
  return { random: options.random ?? systemRandom, now: () => clock.now(), lookup: options.lookup ?? (() => undefined), limits: options.limits ?? {} }
}
