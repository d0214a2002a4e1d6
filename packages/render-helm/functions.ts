import {
  deferredCrypto, executeTemplate, ExecError, fn, fromJson, GoError, isMap, parseTemplates, ParseError, quoteGo, reading, readsNothing, sprigFunctions, TemplateSet, toJson,
  type Frame, type GoFunction, type GoMap, type Template,
} from '@idp/lang-gotemplate/core'
import { LimitError } from '@idp/lang-gotemplate/core'
import { digestOf, renderHost, type RenderHost } from './host.ts'
import type { RenderContext } from './render-context.ts'
import { fromToml, toToml } from './toml.ts'
import { fromYaml, fromYamlArray, jsonKind, toPrettyYaml, toYaml } from './yaml-functions.ts'

/** How often one named template may be inside itself. */
const maxRecursion = 1000

/** Functions whose results are worth keeping. */
const costly = [
  'include', 'tpl', 'toYaml', 'mustToYaml', 'toYamlPretty', 'toJson', 'mustToJson', 'toPrettyJson', 'toRawJson', 'toToml', 'fromYaml', 'fromYamlArray', 'fromJson',
  'fromJsonArray', 'fromToml', 'sha1sum', 'sha256sum', 'sha512sum', 'deepCopy', 'mustDeepCopy', 'bcrypt', 'htpasswd',
]

/** The rendering at work. Rendering is synchronous, so that there is one at a time; this way compiled templates are shared by all of them. */
let current: RenderContext | undefined

function context(): RenderContext {
  if (current === undefined) throw new TypeError('a Helm function was called outside a rendering')
  return current
}

/** The functions on YAML, which Argo CD and External Secrets have too: add them to Sprig's. */
export const yamlFunctions: readonly (readonly [string, GoFunction])[] = [
  ['toYaml', fn('any', (value: unknown) => orEmpty(() => toYaml(value)))],
  ['fromYaml', fn('string', fromYaml)],
  ['fromYamlArray', fn('string', fromYamlArray)],
]

/** All functions of a Helm template. */
export const helmFunctions: ReadonlyMap<string, GoFunction> = makeFunctions()

const made = new WeakMap<RenderHost, ReadonlyMap<string, GoFunction>>()

/** The machine's cryptography, made for the rendering at work. */
function machineCrypto(): ReadonlyMap<string, GoFunction> | undefined {
  const host = renderHost()
  let found = made.get(host)
  if (found === undefined && host.crypto !== undefined) made.set(host, found = host.crypto((count) => context().random(count), () => context().now(), () => context().impure()))
  return found
}

function makeFunctions(): ReadonlyMap<string, GoFunction> {
  const table = sprigFunctions({
    host: { digest: digestOf, crypto: () => new Map(deferredCrypto((name) => machineCrypto()?.get(name))) },
    random: (count) => context().random(count), now: () => context().now(), changed: (map, key, value) => current?.changed(map, key, value), impure: () => context().impure(),
  })
  const more: [string, GoFunction][] = [
    ['include', reading(readsNothing, fn('string any', include, true))],
    ['tpl', reading(readsNothing, fn('string any', tpl, true))],
    ['required', reading(readsNothing, fn('string any', required))],
    ['fail', fn('string', (message: string) => { throw new GoError(`HELM_ERR_START${message}HELM_ERR_END`) })],
    ['lookup', fn('string string string string', lookup, true)],
    ...yamlFunctions.map(([name, made]): [string, GoFunction] => [name, made]),
    ['mustToYaml', fn('any', toYaml)],
    ['toYamlPretty', fn('any', (value: unknown) => orEmpty(() => toPrettyYaml(value)))],
    ['toJson', fn('any', (value: unknown) => orEmpty(() => toJson(value)))],
    ['toToml', fn('any', (value: unknown) => orMessage(() => toToml(value)))],
    ['fromToml', fn('string', fromTomlMap)],
    ['fromJson', fn('string', fromJsonMap)],
    ['fromJsonArray', fn('string', fromJsonArray)],
  ]
  for (const [name, made] of more) table.set(name, made)
  for (const name of costly) {
    const made = table.get(name)
    if (made !== undefined) table.set(name, { ...made, isCostly: true })
  }
  return table
}

/** Runs what belongs to one rendering. */
export function withContext<T>(next: RenderContext, run: () => T): T {
  const outer = current
  current = next
  try {
    return run()
  } finally {
    current = outer
  }
}

function contextOf(frame: Frame): RenderContext {
  return frame.run.context as RenderContext
}

function include(frame: Frame, name: string, data: unknown): string {
  const { run } = frame
  return contextOf(frame).include(name, data, run.set, (given, memo) => {
    const { included } = contextOf(frame)
    const depth = included.get(name) ?? 0
    if (depth > maxRecursion) throw new GoError(`rendering template has a nested reference name: ${name}: unable to execute template`)
    included.set(name, depth + 1)
    try {
      return run.capture(() => executeTemplate(run, name, given, run.set.get(name) === undefined ? 'gotpl' : '', frame.depth + 1, memo))
    } finally {
      included.set(name, depth)
    }
  })
}

const parsed = new Map<string, Template[]>()
const mostParsed = 5_000

/** Parsed texts of `tpl`, which are often the same. */
function parseCached(functions: ReadonlyMap<string, GoFunction>, text: string): Template[] {
  let found = parsed.get(text)
  if (found === undefined) {
    if (parsed.size >= mostParsed) parsed.clear()
    parsed.set(text, found = parseTemplates('gotpl', text, functions))
  }
  return found
}

function tpl(frame: Frame, text: string, data: unknown): string {
  if (!text.includes('{{')) return text.replaceAll('<no value>', '')
  const outer = frame.run.set
  const set = new TemplateSet(outer.functions, outer)
  try {
    for (const template of parseCached(outer.functions, text)) set.add(template)
  } catch (error) {
    if (error instanceof ParseError) throw new GoError(`cannot parse template ${quoteGo(text)}: ${error.message}`)
    throw error
  }
  frame.run.set = set
  try {
    return frame.run.capture(() => executeTemplate(frame.run, 'gotpl', data, 'gotpl', frame.depth + 1)).replaceAll('<no value>', '')
  } catch (error) {
    if (error instanceof ExecError) throw new GoError(`error during tpl function execution for ${quoteGo(text)}: ${error.message}`, { cause: error })
    throw error
  } finally {
    frame.run.set = outer
  }
}

function required(message: string, value: unknown): unknown {
  if (value === null || value === '') throw new GoError(`HELM_ERR_START${message}HELM_ERR_END`)
  return value
}

function lookup(frame: Frame, apiVersion: string, kind: string, namespace: string, name: string): unknown {
  const context = contextOf(frame)
  context.impure()
  return context.lookup(apiVersion, kind, namespace, name) ?? {}
}

function orEmpty(run: () => string): string {
  try {
    return run()
  } catch (error) {
    if (error instanceof GoError && !(error instanceof LimitError)) return ''
    throw error
  }
}

/** toToml answers its fault as text. */
function orMessage(run: () => string): string {
  try {
    return run()
  } catch (error) {
    if (error instanceof GoError) return error.message
    throw error
  }
}

function fromTomlMap(text: string): GoMap {
  try {
    return fromToml(text)
  } catch (error) {
    if (error instanceof GoError) return { Error: error.message }
    throw error
  }
}

function fromJsonMap(text: string): GoMap {
  try {
    const value = fromJson(text)
    if (value === null) return {}
    return isMap(value) ? value : { Error: `json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}` }
  } catch (error) {
    if (error instanceof GoError) return { Error: error.message }
    throw error
  }
}

function fromJsonArray(text: string): unknown[] {
  try {
    const value = fromJson(text)
    if (value === null) return []
    return Array.isArray(value) ? value : [`json: cannot unmarshal ${jsonKind(value)} into Go value of type []interface {}`]
  } catch (error) {
    if (error instanceof GoError) return [error.message]
    throw error
  }
}
