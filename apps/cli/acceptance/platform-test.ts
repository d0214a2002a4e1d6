import { parseYamlDocuments, type AnyObject, type Json, type JsonObject } from '@idp/formats'
import { CodedError, type FileTree } from '@idp/kit'

/** Which object an assertion is about. */
export interface ObjectName { readonly apiVersion: string; readonly kind: string; readonly namespace?: string; readonly name: string }

/** One assertion of a PlatformTest. Exactly one of `object`, `accepted`, `refused` and `http` is set. */
export interface Expectation {
  readonly object?: ObjectName
  /** With `object` and `accepted`: a pattern as Kyverno's `validate.pattern` has it. */
  readonly matches?: Json
  /** With `object`: there is none. */
  readonly absent?: boolean
  /** A dry run of creating this object succeeds. */
  readonly accepted?: AnyObject
  /** A dry run of creating this object is refused. */
  readonly refused?: AnyObject
  /** With `refused`: what the refusal says, as a regular expression. */
  readonly message?: string
  readonly http?: { readonly host: string; readonly path?: string; readonly method?: string; readonly plain?: boolean; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** With `http`; 200 by default. */
  readonly status?: number
  /** With `http`: regular expressions for the body, and for headers by name. */
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A test that the repository's people wrote: `tests/*.yaml`, kind PlatformTest of idp.dev/v1. */
export interface PlatformTest {
  readonly name: string
  /** `tests/web.yaml:1` */
  readonly where: string
  /** How long one expectation may take to come true, in milliseconds. */
  readonly timeoutMs: number
  readonly given: readonly AnyObject[]
  readonly expect: readonly Expectation[]
}

const kinds = ['object', 'accepted', 'refused', 'http'] as const
const companions: Readonly<Record<(typeof kinds)[number], readonly string[]>> = { object: ['matches', 'absent'], accepted: ['matches'], refused: ['message'], http: ['status', 'body', 'headers'] }
const decoder = new TextDecoder()

/** Reads all tests below `tests/`, in the order of their files. Throws CodedError `InvalidTest` with file and line. */
export async function platformTests(files: FileTree, folder = 'tests'): Promise<PlatformTest[]> {
  const found: PlatformTest[] = []
  for (const entry of (await files.list(folder)) ?? []) {
    const path = `${folder}/${entry.name}`
    if (entry.directory) found.push(...(await platformTests(files, path)))
    else if (/\.ya?ml$/.test(entry.name)) found.push(...readTests(decoder.decode(await files.read(path)), path))
  }
  const twice = found.find((one, at) => found.findIndex(({ name }) => name === one.name) !== at)
  if (twice !== undefined) throw invalid(`there are two tests called '${twice.name}'`, twice.where)
  return found
}

/** Documents of other kinds are passed over. */
export function readTests(text: string, source: string): PlatformTest[] {
  return parseYamlDocuments(text, { source }).flatMap(({ value, line }) => {
    const where = `${source}:${line}`
    if (!isMapping(value) || value['kind'] !== 'PlatformTest') return []
    const { apiVersion, metadata, spec } = value
    if (apiVersion !== 'idp.dev/v1') throw invalid(`a PlatformTest is of idp.dev/v1, not ${JSON.stringify(apiVersion)}`, where)
    if (!isMapping(metadata) || typeof metadata['name'] !== 'string') throw invalid('metadata.name is missing', where)
    if (!isMapping(spec)) throw invalid('spec is missing', where)
    unknownKeys(spec, ['timeout', 'given', 'expect'], 'spec', where)
    const expect = spec['expect']
    if (!Array.isArray(expect) || expect.length === 0) throw invalid('spec.expect is a list with at least one expectation', where)
    return [{ name: metadata['name'], where, timeoutMs: duration(spec['timeout'] ?? '30s', where), given: objects(spec['given'] ?? [], 'spec.given', where), expect: expect.map((one, at) => expectation(one, `spec.expect[${at}]`, where)) }]
  })
}

function expectation(value: Json, path: string, where: string): Expectation {
  if (!isMapping(value)) throw invalid(`${path} is a mapping`, where)
  const [kind, more] = kinds.filter((one) => value[one] !== undefined)
  if (kind === undefined || more !== undefined) throw invalid(`${path} has exactly one of ${kinds.join(', ')}`, where)
  unknownKeys(value, [kind, ...companions[kind]], path, where)
  if (kind === 'http') {
    const http = value['http']
    if (!isMapping(http) || typeof http['host'] !== 'string') throw invalid(`${path}.http.host is missing`, where)
    unknownKeys(http, ['host', 'path', 'method', 'plain', 'headers', 'body'], `${path}.http`, where)
  } else objects([value[kind] ?? null], `${path}.${kind}`, where, kind === 'object')
  for (const text of [value['message'], value['body'], ...(isMapping(value['headers']) ? Object.values(value['headers']) : [])]) if (text !== undefined) regularExpression(text, path, where)
  return value as unknown as Expectation
}

function objects(value: Json, path: string, where: string, isName = false): AnyObject[] {
  if (!Array.isArray(value)) throw invalid(`${path} is a list of objects`, where)
  for (const [at, one] of value.entries()) {
    const name = isMapping(one) ? (isName ? one['name'] : isMapping(one['metadata']) ? one['metadata']['name'] : undefined) : undefined
    if (!isMapping(one) || typeof one['apiVersion'] !== 'string' || typeof one['kind'] !== 'string' || typeof name !== 'string') throw invalid(`${path}${value.length > 1 ? `[${at}]` : ''} needs apiVersion, kind and ${isName ? 'name' : 'metadata.name'}`, where)
  }
  return value as unknown as AnyObject[]
}

function unknownKeys(value: JsonObject, known: readonly string[], path: string, where: string): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key))
  if (unknown !== undefined) throw invalid(`${path} has no field '${unknown}'; there are ${known.join(', ')}`, where)
}

function regularExpression(text: Json, path: string, where: string): void {
  try {
    new RegExp(String(text))
  } catch {
    throw invalid(`${path}: ${JSON.stringify(text)} is not a regular expression`, where)
  }
}

function duration(value: Json, where: string): number {
  const [, amount, unit = ''] = /^(\d+)(ms|s|m)$/.exec(String(value)) ?? []
  if (amount === undefined) throw invalid(`spec.timeout is a time like 30s or 2m, not ${JSON.stringify(value)}`, where)
  return Number(amount) * ({ ms: 1, s: 1_000, m: 60_000 }[unit] ?? 1)
}

const isMapping = (value: Json | undefined): value is JsonObject => value !== null && typeof value === 'object' && !Array.isArray(value)
const invalid = (message: string, where: string): CodedError => new CodedError({ code: 'InvalidTest', message, where, remedy: 'The format is in docs/reference/platform-tests.md' })
