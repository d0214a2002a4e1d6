import { CodedError } from '@idp/kit'
import type { PlatformConfig } from './config.ts'

/** One thing wrong with a configuration. */
export interface ConfigProblem { readonly path: string; readonly message: string }

type Check = (value: unknown, path: string) => ConfigProblem[]

const problem = (path: string, message: string): ConfigProblem[] => [{ path, message }]
const show = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value) ?? String(value))

const text = (pattern: RegExp, form: string): Check => (value, path) => (typeof value === 'string' && pattern.test(value) ? [] : problem(path, `must be ${form}, not ${show(value)}`))
const oneOf = (...allowed: string[]): Check => (value, path) => (typeof value === 'string' && allowed.includes(value) ? [] : problem(path, `must be one of ${allowed.map((a) => `'${a}'`).join(', ')}, not ${show(value)}${suggestion(String(value), allowed)}`))
const flag: Check = (value, path) => (typeof value === 'boolean' ? [] : problem(path, `must be true or false, not ${show(value)}`))
const port: Check = (value, path) => (Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536 ? [] : problem(path, `must be a port from 1 to 65535, not ${show(value)}`))
const list = (item: Check): Check => (value, path) => (Array.isArray(value) && value.length > 0 ? value.flatMap((one, index) => item(one, `${path}[${index}]`)) : problem(path, `must be a list of at least one, not ${show(value)}`))
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
const mapOf = (item: Check): Check => (value, path) => (isRecord(value) ? Object.entries(value).flatMap(([key, one]) => item(one, `${path}.${key}`)) : problem(path, `must be an object, not ${show(value)}`))
const object = (fields: Readonly<Record<string, Check>>): Check => (value, path) => {
  if (!isRecord(value)) return problem(path, `must be an object with ${Object.keys(fields).join(', ')}, not ${show(value)}`)
  const at = (key: string) => (path === '' ? key : `${path}.${key}`)
  const unknown = Object.keys(value).filter((key) => !(key in fields)).flatMap((key) => problem(at(key), `is not a setting; there are ${Object.keys(fields).join(', ')}${suggestion(key, Object.keys(fields))}`))
  return [...unknown, ...Object.entries(fields).flatMap(([key, check]) => check(value[key], at(key)))]
}

const quantity = text(/^\d+(\.\d+)?(m|k|M|G|Ki|Mi|Gi)?$/, "a quantity such as '2' or '4Gi'")
const domain = text(/^(?!-)[a-z0-9-]+(\.[a-z0-9-]+)+$/, "a domain name such as 'idp.localhost'")
const secretSource = text(/^(password|hex|bcrypt:.+|=.*)$/, "'password', 'hex', 'bcrypt:<key>' or '=text'")

const config = object({
  cluster: object({
    name: text(/^[a-z][a-z0-9-]{0,38}[a-z0-9]$/, "2 to 40 lower-case letters, digits and '-', beginning with a letter"),
    nodes: list(object({ name: text(/^[a-z0-9-]+$/, "lower-case letters, digits and '-'"), role: oneOf('control-plane', 'worker'), labels: mapOf(text(/^[A-Za-z0-9_.-]*$/, 'a label value')), cpu: quantity, memory: quantity })),
  }),
  domain: object({ local: domain, public: domain }),
  ports: object({ https: port, http: port }),
  branch: text(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, 'a branch name'),
  stacks: object({ observability: flag, events: flag, cicd: flag, security: flag, backstage: flag }),
  secrets: mapOf(mapOf(secretSource)),
})

/** Every problem of a configuration, with its path; empty when it is a PlatformConfig. */
export function configProblems(value: unknown): readonly ConfigProblem[] {
  return config(value, '')
}

/** The configuration, or CodedError `InvalidConfig` that names every problem at once. */
export function checkConfig(value: unknown, file: string): PlatformConfig {
  const problems = configProblems(value)
  if (problems.length === 0) return value as PlatformConfig
  throw new CodedError({
    code: 'InvalidConfig', where: file,
    message: `the configuration has ${problems.length === 1 ? 'an error' : `${problems.length} errors`}:\n${problems.map((p) => `  ${p.path}: ${p.message}`).join('\n')}`,
    remedy: 'Correct these settings; docs/reference/config.md describes each',
  })
}

/** ` (did you mean 'x'?)` when one of `known` is at most two edits away. */
function suggestion(word: string, known: readonly string[]): string {
  const best = known.map((k) => ({ k, distance: editDistance(word.toLowerCase(), k.toLowerCase()) })).sort((a, b) => a.distance - b.distance)[0]
  return best !== undefined && best.distance > 0 && best.distance <= 2 ? ` (did you mean '${best.k}'?)` : ''
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1))
    row = next
  }
  return row[b.length] ?? 0
}
