import { CodedError } from '@idp/kit'
import { compareStrings, ExecError, GoError, LimitError, ListMemo, TemplateSet, type GoMap, type Limits, type Template } from '@idp/lang-gotemplate/core'
import type { Changes } from './changes.ts'
import type { FilesRead } from './chart-files.ts'
import { named, type ChartDot } from './chart-values.ts'
import { replay, settle, undo, writeOf, type Write } from './effects.ts'
import { helmFunctions, withContext } from './functions.ts'
import { rememberedInclude } from './include.ts'
import type { IncludeMemo } from './include-memo.ts'
import { readPart, type Part } from './manifests.ts'
import { share, type Shared } from './read-log.ts'
import type { RenderContext } from './render-context.ts'
import { templatesOf } from './template-cache.ts'
import { Tracker } from './tracker.ts'
import type { Trace } from './trace.ts'
import type { TemplateFile } from './chart.ts'

/** What running one template gave, and all that depended on. */
export interface Output {
  readonly text: string
  /** What it depended on; undefined when that was not noted. */
  readonly trace: Trace | undefined
  /** What it changed of values and metadata for those that come after it. */
  readonly writes: readonly Write[]
  /** Including it with its chart's dot gives this text too: it changes nothing, and does not ask which file it is. */
  readonly repeats: boolean
  /** What its statements wrote, from the second time on that it ran. */
  readonly statements: ListMemo | undefined
  /** Its documents; absent for notes. */
  part?: Part
  /** Those of the last rendering: what is among them still is taken from there. */
  earlier?: Part | undefined
}

export interface Renderable { readonly path: string; readonly file: TemplateFile; readonly basePath: string; readonly chart: ChartDot; readonly isPartial: boolean }

/** What a rendering brings along for its templates. */
export type TemplateServices = Pick<RenderContext, 'lookup' | 'random' | 'now'> & { readonly limits: Limits }

/** The template at hand. */
class Watcher {
  readonly writes: Write[] = []
  readonly tracker: Tracker | undefined
  constructor(tracker: Tracker | undefined) {
    this.tracker = tracker
  }
}

/** What files a template asks for is told to whoever runs at that time. */
export interface FilesListener { listen: FilesRead }

/** What the last rendering left behind. */
export interface Before {
  readonly outputs: ReadonlyMap<string, Output>
  /** Where the data is not what it was before the first template. */
  readonly changes: Changes
  /** Files that are not what they were. */
  readonly files: readonly string[]
  /** Names of templates that are not what they were. */
  readonly templates: readonly string[]
}

export interface TemplateRun {
  readonly renderables: readonly Renderable[]
  readonly set: TemplateSet
  readonly roots: readonly GoMap[]
  readonly services: TemplateServices
  readonly files: FilesListener
  /** Maps and lists that templates of several files see; absent when nothing will be rendered again. */
  readonly shared: Shared | undefined
  readonly before: Before | undefined
  readonly includes: IncludeMemo
}

/** All templates of charts by name. Throws CodedError `InvalidTemplate`. */
export function templateSet(renderables: readonly Renderable[]): TemplateSet {
  const set = new TemplateSet(helmFunctions)
  for (const { path, file } of renderables) for (const template of templatesOf(path, file)) set.add(template)
  return set
}

/** Names that do not mean the same template in two sets. */
export function changedTemplates(before: TemplateSet, now: TemplateSet): string[] {
  if (before === now) return []
  const changed = now.names().filter((name) => before.get(name) !== now.get(name))
  return [...changed, ...before.names().filter((name) => now.get(name) === undefined)]
}

/** Outputs by path, in the order they ran; with a fault, those that hold without what failed. */
export interface Outcome { readonly outputs: ReadonlyMap<string, Output>; readonly fault?: { readonly error: unknown } }

/** Runs the templates of a chart and its subcharts that have to run. */
export function renderTemplates(run: TemplateRun): Outcome {
  const { set, services, shared, before, includes } = run
  const { holds, verdict } = judge(before)
  includes.rendering++
  const dots = new Map(run.renderables.map(({ path, chart }) => [path, chart.dot]))
  const allDots = new Set<unknown>(dots.values())
  // What a template wrote a moment ago is not among the changes yet.
  const stillHolds = (trace: Trace): boolean => !wrote && verdict(trace)
  const trackerOf = (file: string) => (shared === undefined ? undefined : new Tracker({ file, shared, dots: allDots, holds: stillHolds }))
  let watcher = new Watcher(undefined)
  const remembered = shared === undefined ? undefined : { memo: includes, shared, set, holds: stillHolds }
  const context: RenderContext = {
    included: new Map(), lookup: services.lookup, random: services.random, now: services.now,
    changed(map, key, value) {
      watcher.tracker?.mutated(map, key, value)
      if (shared?.has(map) !== true) return
      wrote = true
      watcher.writes.push(writeOf(map, key, value))
      watcher.tracker?.wrote(map, key)
      share(value, shared)
    },
    impure: () => watcher.tracker?.impure(),
    include(name, data, from, execute) {
      const { tracker } = watcher
      if (wrote || tracker === undefined || remembered === undefined || from !== set) return execute(data, undefined)
      const output = outputOf(name, data)
      if (output?.repeats !== true || output.trace === undefined) return rememberedInclude(remembered, tracker, name, data, execute)
      tracker.add(output.trace)
      return output.text
    },
  }
  run.files.listen = (test) => watcher.tracker?.asked(test)
  const outputs = new Map<string, Output>()
  // Once anything is written, an output of before or of earlier says nothing of an include now.
  let wrote = before !== undefined && [...before.outputs.values()].some(({ writes }) => writes.length > 0)
  const outputOf = (name: string, data: unknown): Output | undefined => {
    if (typeof data !== 'object' || data === null || dots.get(name) !== data) return undefined
    const known = before?.outputs.get(name)
    return outputs.get(name) ?? (known !== undefined && holds(known) ? known : undefined)
  }
  const toRun = run.renderables.filter(({ isPartial }) => !isPartial)
  let at = 0
  const step = (): void => {
    for (; at < toRun.length; at++) {
      const item = toRun[at] as Renderable
      const known = before?.outputs.get(item.path)
      if (before !== undefined && known !== undefined && holds(known)) {
        replay(known.writes, before.changes)
        outputs.set(item.path, known)
        continue
      }
      watcher = new Watcher(trackerOf(item.path))
      const statements = known === undefined || wrote ? undefined : known.statements ?? new ListMemo()
      outputs.set(item.path, output(set, item, run, context, watcher, known, statements))
      if (before !== undefined && settle(known?.writes ?? [], watcher.writes, before.changes)) before.changes.spread(run.roots)
    }
  }
  try {
    withContext(context, step)
    return { outputs }
  } catch (error) {
    undo(watcher.writes)
    // Without writes, what comes later does not depend on what failed.
    if (before !== undefined && !wrote) {
      for (const { path } of toRun.slice(at + 1)) {
        const known = before.outputs.get(path)
        if (known !== undefined && holds(known)) outputs.set(path, known)
      }
    }
    return { outputs, fault: { error } }
  } finally {
    if (wrote) includes.clear()
    else includes.sweep(verdict)
  }
}

interface Judge { readonly holds: (output: Output) => boolean; readonly verdict: (trace: Trace) => boolean }

/** Would it write the same again as in the last rendering? */
function judge(before: Before | undefined): Judge {
  if (before === undefined) return { holds: () => false, verdict: () => true }
  const { changes, files, templates } = before
  let known = new Map<Trace, boolean>()
  let version = changes.version
  const look = (trace: Trace): boolean => {
    if (trace.isImpure) return false
    const { used, looks, parts } = trace
    if (used !== undefined) for (const name of templates) if (used.has(name)) return false
    if (files.length > 0 && trace.files !== undefined) for (const test of trace.files) if (files.some(test)) return false
    if (looks !== undefined && !changes.isEmpty && changes.touch(looks)) return false
    if (parts !== undefined) for (const part of parts) if (!verdict(part)) return false
    return true
  }
  const verdict = (trace: Trace): boolean => {
    if (changes.version !== version) {
      known = new Map()
      version = changes.version
    }
    let answer = known.get(trace)
    if (answer === undefined) known.set(trace, answer = look(trace))
    return answer
  }
  return { verdict, holds: ({ trace }) => trace !== undefined && verdict(trace) }
}

function output(set: TemplateSet, item: Renderable, run: TemplateRun, context: RenderContext, watcher: Watcher, known: Output | undefined, statements: ListMemo | undefined): Output {
  const { dot } = item.chart
  dot['Template'] = named({ Name: item.path, BasePath: item.basePath })
  const raw = execute(set, item, run, context, watcher, statements)
  const text = raw.replaceAll('<no value>', '')
  const { writes, tracker } = watcher
  const trace = tracker?.root
  const repeats = trace !== undefined && !trace.isImpure && !trace.asksFile && writes.length === 0 && raw.length === text.length
  const made: Output = { text, repeats, trace, writes, statements }
  if (known?.part !== undefined && known.text === text) made.part = known.part
  else made.earlier = known?.part ?? known?.earlier
  return made
}

/** The documents of an output, read once. */
export function partOf(path: string, output: Output): Part {
  output.part ??= readPart(path, output.text, output.earlier)
  output.earlier = undefined
  return output.part
}

/** The templates of charts in the order they run, which is that of `before` when they have the same paths. */
export function renderablesOf(dots: readonly ChartDot[], before: readonly Renderable[] = []): Renderable[] {
  const all = dots.flatMap((chart) => {
    const { active } = chart
    const { metadata, templates } = active.chart
    const isLibrary = metadata.type === 'library'
    const basePath = `${active.fullPath}/templates`
    return templates.flatMap((file): Renderable[] => {
      const { name } = file
      const isPartial = name.slice(name.lastIndexOf('/') + 1).startsWith('_')
      return isLibrary && !isPartial ? [] : [{ path: `${active.fullPath}/${name}`, file, basePath, chart, isPartial }]
    })
  })
  const byPath = new Map(all.map((item) => [item.path, item]))
  const again = before.flatMap(({ path }) => byPath.get(path) ?? [])
  if (again.length === all.length && before.length === all.length && byPath.size === all.length) return again
  return all.sort((a, b) => byDepth(b.path, a.path))
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

function execute(set: TemplateSet, item: Renderable, run: TemplateRun, context: RenderContext, { tracker }: Watcher, memo: ListMemo | undefined): string {
  const { services } = run
  // A name found in a set made by `tpl` is not looked for here again: that set comes from the same values and texts.
  const entered = (name: string, template: Template) => { if (set.get(name) === template) tracker?.entered(name, template) }
  try {
    return set.execute(item.path, item.chart.dot, { missingKey: 'zero', limits: services.limits, now: services.now, context, entered, reads: tracker, recorder: tracker, memo })
  } catch (error) {
    throw coded(error, item.path)
  }
}

/** The fault with chart, file, line and column; texts of `fail` and `required` stand alone as Helm prints them. */
function coded(error: unknown, path: string): unknown {
  if (error instanceof LimitError) {
    const where = error.place === undefined ? path : `${error.place.file}:${error.place.line}:${error.place.column}`
    return new CodedError({ code: 'RenderLimit', message: `${path}: ${error.message}`, where, cause: error, remedy: 'End what includes itself or loops too long, or raise the limits' })
  }
  if (!(error instanceof GoError)) return error
  const where = error instanceof ExecError && error.file !== undefined ? `${error.file}:${error.line}:${error.column}` : path
  const wanted = /HELM_ERR_START([\s\S]*)HELM_ERR_END/.exec(error.message)?.[1]
  if (wanted !== undefined) {
    const location = error.message.split(': ')[1] ?? path
    return new CodedError({ code: 'TemplateFailed', message: `execution error at (${location}): ${wanted}`, where, cause: error })
  }
  return new CodedError({ code: 'TemplateError', message: error.message, where, cause: error })
}
