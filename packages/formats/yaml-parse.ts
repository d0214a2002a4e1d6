import { EVENT_ID, getScalarValue, parseEvents, SCALAR_STYLE, YAMLException, type Event, type ScalarEvent } from 'js-yaml'
import { CodedError } from '@idp/kit'
import type { Json, JsonObject } from './kube-object.ts'
import { resolvePlainScalar, type ResolvedScalar, type YamlDialect } from './yaml-scalar.ts'

export interface YamlOptions {
  /** File name for error messages. */
  readonly source?: string
  /** Which Go library's reading of plain scalars; default `kubernetes`. */
  readonly dialect?: YamlDialect
  /** Largest accepted text, in UTF-16 units. Default 64 Mi. */
  readonly maxLength?: number
  /** Deepest accepted nesting. Default 500. */
  readonly maxDepth?: number
  /** What to do with the second of two equal keys. Default `error`; `last` is for readers that must accept what Go's plain decoder of nodes accepts. */
  readonly duplicateKeys?: 'error' | 'last'
  /**
   * Called for a member whose plain text is more than its value tells (`1.0`, `0777`, `True`, a date), for readers that must be able
   * to turn it back into that text. Not called for list elements or merged members.
   */
  readonly onLossyMember?: (parent: JsonObject, key: string, text: string) => void
  /** Reads a member without any value (`key:`) as `undefined` instead of null, for readers that must tell the two apart. */
  readonly emptyAsUndefined?: boolean
}

/** One document of a stream and the line (from 1) where its content starts. */
export interface YamlDocument { readonly value: Json; readonly line: number }

/**
 * Parses a text that holds one YAML document (JSON included); an empty text is null, further documents are ignored as Go's decoder does.
 * Merge keys are applied, aliases become copies, keys become strings as in sigs.k8s.io/yaml.
 * @throws CodedError `InvalidYaml` with `file:line:column`: syntax, duplicate key, unknown anchor, excessive aliasing, size or depth.
 */
export function parseYaml(text: string, options: YamlOptions = {}): Json {
  return parseYamlDocuments(text, options, 1)[0]?.value ?? null
}

/** Parses every document of a stream, empty ones as null. See {@link parseYaml} for the dialect and errors. */
export function parseYamlDocuments(text: string, options: YamlOptions = {}, limit = Infinity): YamlDocument[] {
  const maxLength = options.maxLength ?? 64 * 1024 * 1024
  if (text.length > maxLength) throw invalid(`the text is longer than ${maxLength} characters`, options, text, 0)
  const events = readEvents(text, options)
  const reader: Reader = {
    text, events, options, at: 0, dialect: options.dialect ?? 'kubernetes', anchors: new Map(), open: new Set(), decoded: 0, aliased: 0, aliasDepth: 0,
  }
  const documents: YamlDocument[] = []
  let scanned = 0
  let line = 1
  while (reader.at < events.length && documents.length < limit) {
    const event = events[reader.at]
    if (event?.type !== EVENT_ID.DOCUMENT) { reader.at++; continue }
    reader.at++
    reader.anchors.clear()
    const first = events[reader.at]
    const empty = first === undefined || first.type === EVENT_ID.POP
    const position = empty ? scanned : Math.max(scanned, positionOf(first))
    for (let i = scanned; i < position; i++) if (text.charCodeAt(i) === 10) line++
    scanned = position
    const value = empty ? null : readNode(reader)
    documents.push({ value, line })
    reader.at++ // the document's POP
  }
  return documents
}

interface Reader {
  readonly text: string
  readonly events: Event[]
  readonly options: YamlOptions
  readonly dialect: YamlDialect
  readonly anchors: Map<string, number>
  /** Anchored nodes being read now: an alias to one of them would contain itself. */
  readonly open: Set<number>
  at: number
  decoded: number
  aliased: number
  aliasDepth: number
}

function readEvents(text: string, options: YamlOptions): Event[] {
  try {
    return parseEvents(text.charCodeAt(0) === 0xfeff ? ` ${text.slice(1)}` : text, { maxDepth: options.maxDepth ?? 500 })
  } catch (error) {
    if (error instanceof YAMLException) throw invalid(error.reason, options, text, error.mark?.position ?? 0, error)
    throw error
  }
}

function readNode(reader: Reader): Json {
  const index = reader.at
  // `at` stays inside: the parser closes what it opens.
  const event = reader.events[index] as Event
  countNode(reader, event)
  if (event.type === EVENT_ID.ALIAS) return readAlias(reader, event.anchorStart, event.anchorEnd)
  reader.at++
  if (event.type === EVENT_ID.SCALAR) {
    if (event.anchorStart >= 0) reader.anchors.set(reader.text.slice(event.anchorStart, event.anchorEnd), index)
    const text = scalarText(reader, event)
    if (event.style !== SCALAR_STYLE.PLAIN && event.tagStart < 0) return text
    if (text === '' && reader.options.emptyAsUndefined === true && event.style === SCALAR_STYLE.PLAIN && event.tagStart < 0) return undefined as unknown as Json // asked for
    const resolved = resolveScalar(reader, event, text)
    return resolved === undefined ? text : jsonScalar(reader, event, resolved, text)
  }
  if (event.type !== EVENT_ID.SEQUENCE && event.type !== EVENT_ID.MAPPING) return null
  const anchored = event.anchorStart >= 0
  if (anchored) {
    reader.anchors.set(reader.text.slice(event.anchorStart, event.anchorEnd), index)
    reader.open.add(index)
  }
  const value = event.type === EVENT_ID.SEQUENCE ? readSequence(reader) : readMapping(reader)
  if (anchored) reader.open.delete(index)
  return value
}

/** As libyaml has it, a block scalar that the end of the text cuts off ends without the line feed it would have otherwise. */
function scalarText(reader: Reader, event: ScalarEvent): string {
  const text = getScalarValue(reader.text, event)
  const block = event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK
  if (!block || event.valueEnd < reader.text.length || !text.endsWith('\n') || /[\r\n]$/.test(reader.text)) return text
  return text.slice(0, -1)
}

function readSequence(reader: Reader): Json[] {
  const items: Json[] = []
  while (reader.events[reader.at]?.type !== EVENT_ID.POP) items.push(readNode(reader))
  reader.at++
  return items
}

function readMapping(reader: Reader): JsonObject {
  const object: JsonObject = {}
  let merges: { event: Event; value: Json }[] | undefined
  for (;;) {
    const event = reader.events[reader.at] as Event // the mapping ends with a POP
    if (event.type === EVENT_ID.POP) break
    const key = readKey(reader, event)
    if (key === undefined) {
      (merges ??= []).push({ event: reader.events[reader.at] ?? event, value: readNode(reader) })
      continue
    }
    if (reader.options.duplicateKeys !== 'last' && Object.hasOwn(object, key)) throw fault(reader, `key ${JSON.stringify(key)} is already set in this mapping`, event)
    const value = readMember(reader, object, key)
    setKey(object, key, value)
  }
  reader.at++
  if (merges !== undefined) for (const { event, value } of merges) mergeInto(reader, object, value, event)
  return object
}

function readMember(reader: Reader, parent: JsonObject, key: string): Json {
  const event = reader.events[reader.at] as Event // a key has a value
  const value = readNode(reader)
  const report = reader.options.onLossyMember
  if (report !== undefined && event.type === EVENT_ID.SCALAR && event.style === SCALAR_STYLE.PLAIN) {
    const text = getScalarValue(reader.text, event)
    if (value === undefined || text !== (value === null ? 'null' : String(value))) report(parent, key, text)
  }
  return value
}

/** The key as text, or undefined for the merge key. */
function readKey(reader: Reader, event: Event): string | undefined {
  if (event.type === EVENT_ID.SCALAR && event.tagStart < 0 && event.anchorStart < 0) {
    reader.at++
    reader.decoded++
    const text = getScalarValue(reader.text, event)
    if (event.style !== SCALAR_STYLE.PLAIN) return text
    const resolved = resolvePlainScalar(text, reader.dialect)
    if (resolved === undefined) return text
    if (resolved.tag === 'merge') return undefined
    return keyText(reader, resolved.value, event)
  }
  const key = readNode(reader)
  return typeof key === 'string' ? key : keyText(reader, key, event)
}

/** sigs.k8s.io/yaml writes keys that are numbers or booleans as text; kustomize cannot print them. */
function keyText(reader: Reader, key: Json, event: Event): string {
  if (key === null || typeof key === 'object') throw fault(reader, 'a key is not a scalar', event)
  if (reader.dialect === 'kustomize' && typeof key !== 'string') throw fault(reader, `key ${String(key)} is not text; put it in quotes`, event)
  return String(key)
}

function mergeInto(reader: Reader, object: JsonObject, value: Json, event: Event): void {
  const sources = Array.isArray(value) ? value : [value]
  for (const source of sources) {
    if (source === null || typeof source !== 'object' || Array.isArray(source)) throw fault(reader, 'map merge requires a map or a sequence of maps as the value', event)
    for (const key of Object.keys(source)) if (!Object.hasOwn(object, key)) setKey(object, key, source[key] ?? null)
  }
}

function setKey(object: JsonObject, key: string, value: Json): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  else object[key] = value
}

/** Reads the anchored node once more, so that no two places share a value. */
function readAlias(reader: Reader, start: number, end: number): Json {
  const name = reader.text.slice(start, end)
  const target = reader.anchors.get(name)
  const event = reader.events[reader.at] as Event
  if (target === undefined) throw fault(reader, `unknown anchor '${name}' referenced`, event)
  if (reader.open.has(target)) throw fault(reader, `anchor '${name}' value contains itself`, event)
  const next = reader.at + 1
  reader.at = target
  reader.aliasDepth++
  const value = readNode(reader)
  reader.aliasDepth--
  reader.at = next
  return value
}

/** Go's guard against alias bombs: the larger the document, the smaller the share of it that aliases may produce. */
function countNode(reader: Reader, event: Event): void {
  reader.decoded++
  if (reader.aliasDepth > 0) reader.aliased++
  if (reader.aliased <= 100 || reader.decoded <= 1000) return
  if (reader.aliased / reader.decoded > allowedAliasShare(reader.decoded)) throw fault(reader, 'document contains excessive aliasing', event)
}

const SMALL = 400_000
const LARGE = 4_000_000
function allowedAliasShare(decoded: number): number {
  if (decoded <= SMALL) return 0.99
  if (decoded >= LARGE) return 0.1
  return 0.99 - 0.89 * ((decoded - SMALL) / (LARGE - SMALL))
}

const CORE = 'tag:yaml.org,2002:'
function resolveScalar(reader: Reader, event: ScalarEvent, text: string): ResolvedScalar | undefined {
  if (event.tagStart < 0) return resolvePlainScalar(text, reader.dialect)
  const written = reader.text.slice(event.tagStart, event.tagEnd)
  if (written === '!') return undefined
  const tag = written.startsWith('!!') ? written.slice(2) : written.startsWith(`!<${CORE}`) ? written.slice(2 + CORE.length, -1) : undefined
  if (tag === undefined) return resolvePlainScalar(text, reader.dialect)
  if (tag === 'str') return undefined
  if (tag === 'binary') return { tag: 'str', value: decodeBase64(text) }
  const found = resolvePlainScalar(text, reader.dialect)
  if (tag === 'float' && found?.tag === 'int') return { tag: 'float', value: found.value }
  if (found?.tag === tag) return found
  throw fault(reader, `cannot decode !!str \`${text}\` as a !!${tag}`, event)
}

function decodeBase64(text: string): string {
  const binary = atob(text.replace(/\s/g, ''))
  return new TextDecoder().decode(Uint8Array.from(binary, (c) => c.charCodeAt(0)))
}

function jsonScalar(reader: Reader, event: ScalarEvent, resolved: ResolvedScalar, text: string): Json {
  if (resolved.tag === 'merge') return text
  if (typeof resolved.value === 'number' && !Number.isFinite(resolved.value)) throw fault(reader, `${text} has no JSON form`, event)
  return resolved.value
}

function positionOf(event: Event): number {
  if (event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT) return 0
  if (event.type === EVENT_ID.ALIAS) return event.anchorStart
  const candidates = [event.anchorStart, event.tagStart, event.type === EVENT_ID.SCALAR ? event.valueStart : event.start].filter((n) => n >= 0)
  return candidates.length === 0 ? 0 : Math.min(...candidates)
}

function fault(reader: Reader, reason: string, event: Event): CodedError {
  return invalid(reason, reader.options, reader.text, positionOf(event))
}

function invalid(reason: string, options: YamlOptions, text: string, position: number, cause?: unknown): CodedError {
  const before = text.slice(0, position)
  const line = before.split('\n').length
  const column = position - before.lastIndexOf('\n')
  const where = `${options.source ?? 'yaml'}:${line}:${column}`
  return new CodedError({ code: 'InvalidYaml', message: reason, where, cause })
}
