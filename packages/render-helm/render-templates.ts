import { CodedError } from '@idp/kit'
import { compareStrings, ExecError, GoError, LimitError, TemplateSet, type GoMap, type Limits, type Template } from '@idp/lang-gotemplate'
import type { Chart } from './chart.ts'
import { named, type ChartDot } from './chart-values.ts'
import { helmFunctions, withContext } from './functions.ts'
import { readPart, type Part } from './manifests.ts'
import type { RenderContext } from './render-context.ts'
import { templatesOf } from './template-cache.ts'

/** What running one template gave, and what that depended on besides values. */
export interface Output {
  readonly text: string
  /** Templates it ran, by the name it looked up. */
  readonly used: ReadonlyMap<string, Template>
  /** It read files of the chart. */
  readonly readsFiles: boolean
  /** It used randomness, the clock or a cluster: it must run again each time. */
  readonly impure: boolean
  /** Its documents; absent for notes. */
  part?: Part
}

interface Renderable { readonly path: string; readonly text: string; readonly basePath: string; readonly chart: ChartDot }

/** What a rendering brings along for its templates. */
export type TemplateServices = Pick<RenderContext, 'lookup' | 'random' | 'now'> & { readonly limits: Limits }

/** Watches what the template at hand does. */
export class Watcher {
  used = new Map<string, Template>()
  readsFiles = false
  impure = false
  /** A template changed what others see: outputs depend on the order of all. */
  tainted = false
  begin(): void {
    this.used = new Map()
    this.readsFiles = false
    this.impure = false
  }
}

export interface TemplateRun {
  readonly dots: readonly ChartDot[]
  /** The chart as it is now for each chart as it was when the dots were made. */
  readonly charts: ReadonlyMap<Chart, Chart>
  readonly services: TemplateServices
  readonly watcher: Watcher
  /** Maps that templates of all files see. */
  readonly shared: WeakSet<GoMap>
  /** Outputs of the last time that hold as long as their templates are the same. */
  readonly known: ReadonlyMap<string, Output>
}

/** Runs the templates of a chart and its subcharts. Answers outputs by path, in the order they ran. */
export function renderTemplates(run: TemplateRun): Map<string, Output> {
  const renderables = run.dots.flatMap((dot) => renderablesOf(dot, run.charts)).sort((a, b) => byDepth(b.path, a.path))
  const set = new TemplateSet(helmFunctions)
  for (const { path, text } of renderables) for (const template of templatesOf(path, text)) set.add(template)
  const { watcher, services, shared } = run
  const context: RenderContext = {
    included: new Map(), lookup: services.lookup, random: services.random, now: services.now,
    changed: (map) => { if (shared.has(map)) watcher.tainted = true },
    impure: () => { watcher.impure = true }, filesRead: () => { watcher.readsFiles = true },
  }
  const outputs = new Map<string, Output>()
  withContext(context, () => {
    for (const item of renderables) {
      if (item.path.slice(item.path.lastIndexOf('/') + 1).startsWith('_')) continue
      const known = run.known.get(item.path)
      outputs.set(item.path, known !== undefined && holds(known, set) ? known : output(set, item, run, context))
    }
  })
  return outputs
}

/** Would the templates an output came from be found again? */
function holds(output: Output, set: TemplateSet): boolean {
  for (const [name, template] of output.used) if (set.get(name) !== template) return false
  return true
}

function output(set: TemplateSet, item: Renderable, run: TemplateRun, context: RenderContext): Output {
  const { watcher } = run
  watcher.begin()
  item.chart.dot['Template'] = named({ Name: item.path, BasePath: item.basePath })
  const text = execute(set, item, run, context)
  return { text, used: watcher.used, readsFiles: watcher.readsFiles, impure: watcher.impure }
}

/** The documents of an output, read once. */
export function partOf(path: string, output: Output): Part {
  return (output.part ??= readPart(path, output.text))
}

function renderablesOf(chart: ChartDot, charts: ReadonlyMap<Chart, Chart>): Renderable[] {
  const { active } = chart
  const { metadata, templates } = charts.get(active.chart) ?? active.chart
  const isLibrary = metadata.type === 'library'
  return templates
    .filter(({ name }) => !isLibrary || name.slice(name.lastIndexOf('/') + 1).startsWith('_'))
    .map(({ name, text }) => ({ path: `${active.fullPath}/${name}`, text, basePath: `${active.fullPath}/templates`, chart }))
}

/** Fewer folders first, then by name. */
function byDepth(a: string, b: string): number {
  const x = depthOf(a)
  const y = depthOf(b)
  return x === y ? compareStrings(a, b) : x - y
}

function depthOf(path: string): number {
  let depth = 0
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) depth++
  return depth
}

function execute(set: TemplateSet, item: Renderable, run: TemplateRun, context: RenderContext): string {
  const { watcher, services } = run
  // A name found in a set made by `tpl` is not looked for here again: that set comes from the same values and texts.
  const entered = (name: string, template: Template) => { if (set.get(name) === template) watcher.used.set(name, template) }
  try {
    return set.execute(item.path, item.chart.dot, { missingKey: 'zero', limits: services.limits, now: services.now, context, entered }).replaceAll('<no value>', '')
  } catch (error) {
    throw coded(error, item.path)
  }
}

/** The fault with chart, file, line and column; texts of `fail` and `required` stand alone as Helm prints them. */
function coded(error: unknown, path: string): unknown {
  if (error instanceof LimitError) return new CodedError({ code: 'RenderLimit', message: `${path}: ${error.message}`, where: path, cause: error })
  if (!(error instanceof GoError)) return error
  const where = error instanceof ExecError && error.file !== undefined ? `${error.file}:${error.line}:${error.column}` : path
  const wanted = /HELM_ERR_START([\s\S]*)HELM_ERR_END/.exec(error.message)?.[1]
  if (wanted !== undefined) {
    const location = error.message.split(': ')[1] ?? path
    return new CodedError({ code: 'TemplateFailed', message: `execution error at (${location}): ${wanted}`, where, cause: error })
  }
  return new CodedError({ code: 'TemplateError', message: error.message, where, cause: error })
}
