import { CodedError, type Random } from '@idp/kit'
import { compareStrings, ExecError, GoError, LimitError, ParseError, parseTemplates, TemplateSet, type GoFunction, type Limits, type Template } from '@idp/lang-gotemplate'
import type { ChartDot } from './chart-values.ts'
import { named } from './chart-values.ts'
import { helmFunctions, withContext } from './functions.ts'
import type { Lookup, RenderContext } from './render-context.ts'

export interface TemplateRunOptions { readonly random: Random; readonly now: () => number; readonly lookup: Lookup; readonly limits: Limits }

interface Renderable { readonly path: string; readonly text: string; readonly basePath: string; readonly chart: ChartDot }

/** Runs all templates of a chart and its subcharts. Answers outputs by path, in the order they ran. */
export function renderTemplates(dots: readonly ChartDot[], options: TemplateRunOptions): Map<string, string> {
  const renderables = dots.flatMap(renderablesOf).sort((a, b) => byDepth(b.path, a.path))
  const functions = helmFunctions(options)
  const set = new TemplateSet(functions)
  for (const { path, text } of renderables) for (const template of parse(functions, path, text)) set.add(template)
  const context: RenderContext = { included: new Map(), lookup: options.lookup, changed: () => {}, impure: () => {} }
  const outputs = new Map<string, string>()
  withContext(functions, context, () => {
    for (const item of renderables) {
      if (item.path.slice(item.path.lastIndexOf('/') + 1).startsWith('_')) continue
      item.chart.dot['Template'] = named({ Name: item.path, BasePath: item.basePath })
      outputs.set(item.path, execute(set, item, options, context))
    }
  })
  return outputs
}

function renderablesOf(chart: ChartDot): Renderable[] {
  const { active } = chart
  const isLibrary = active.chart.metadata.type === 'library'
  return active.chart.templates
    .filter(({ name }) => !isLibrary || name.slice(name.lastIndexOf('/') + 1).startsWith('_'))
    .map(({ name, text }) => ({ path: `${active.fullPath}/${name}`, text, basePath: `${active.fullPath}/templates`, chart }))
}

/** Fewer folders first, then by name. */
function byDepth(a: string, b: string): number {
  const x = a.split('/').length
  const y = b.split('/').length
  return x === y ? compareStrings(a, b) : x - y
}

function parse(functions: ReadonlyMap<string, GoFunction>, path: string, text: string): Template[] {
  try {
    return parseTemplates(path, text, functions)
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    const parts = error.message.split(': ')
    throw new CodedError({ code: 'InvalidTemplate', message: `parse error at (${parts[1]}): ${parts.at(-1)}`, where: `${path}:${error.line}`, cause: error })
  }
}

function execute(set: TemplateSet, item: Renderable, options: TemplateRunOptions, context: RenderContext): string {
  try {
    return set.execute(item.path, item.chart.dot, { missingKey: 'zero', limits: options.limits, now: options.now, context }).replaceAll('<no value>', '')
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
