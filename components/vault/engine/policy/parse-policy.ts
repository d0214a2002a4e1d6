import { CodedError, isCoded } from '@idp/kit'
import { parseDuration } from '../duration.ts'
import { blocksOf, isHclObject, parseHcl, plain, valueOf, type HclObject, type HclValue } from '../hcl/parse-hcl.ts'
import { badRequest } from '../vault-error.ts'

export type Capability = 'create' | 'read' | 'update' | 'delete' | 'list' | 'sudo' | 'deny' | 'patch' | 'subscribe' | 'recover'

/** Values a parameter may have (globs among strings); an empty list means any. */
export type ParameterRules = Readonly<Record<string, readonly unknown[]>>

/** One `path` block. */
export interface PathRule {
  /** As written; may hold `+` segments, a `*` at the end, and `{{…}}`. */
  readonly path: string
  readonly capabilities: readonly Capability[]
  readonly allowed?: ParameterRules
  readonly denied?: ParameterRules
  readonly required?: readonly string[]
  readonly minWrappingTtl?: number
  readonly maxWrappingTtl?: number
}

const capabilities: ReadonlySet<string> = new Set<Capability>(['create', 'read', 'update', 'delete', 'list', 'sudo', 'deny', 'patch', 'subscribe', 'recover'])
const members: ReadonlySet<string> = new Set(['comment', 'policy', 'capabilities', 'allowed_parameters', 'denied_parameters', 'required_parameters', 'min_wrapping_ttl', 'max_wrapping_ttl', 'mfa_methods', 'control_group', 'pagination_limit', 'response_keys_filter_path', 'subscribe_event_types'])

/** What upstream's old `policy = "write"` stands for. */
const oldPolicies: Readonly<Record<string, readonly Capability[]>> = {
  deny: ['deny'], read: ['read', 'list'], write: ['create', 'read', 'update', 'delete', 'list', 'patch'], sudo: ['create', 'read', 'update', 'delete', 'list', 'sudo', 'patch'],
}

/** Reads a policy in HCL or JSON. @throws VaultError 400 naming the line */
export function parsePolicy(source: string): PathRule[] {
  try {
    const root = parseHcl(source, 'policy')
    const stray = root.items.find(({ keys }) => keys[0] !== 'path' && keys[0] !== 'name')
    if (stray !== undefined) throw failure(`invalid key ${JSON.stringify(stray.keys[0])}`, stray.line)
    return blocksOf(root, 'path', 1).map(({ label, body, line }) => pathRule(label, body, line))
  } catch (error) {
    if (isCoded(error, 'InvalidHcl')) throw badRequest(`failed to parse policy: ${error.where ?? 'policy'}: ${error.message}`)
    throw error
  }
}

function pathRule(label: string, body: HclObject, line: number): PathRule {
  const stray = body.items.find(({ keys }) => !members.has(keys[0] ?? ''))
  if (stray !== undefined) throw failure(`path ${JSON.stringify(label)}: invalid key ${JSON.stringify(stray.keys[0])}`, stray.line)
  const unsupported = body.items.find(({ keys }) => keys[0] === 'control_group' || keys[0] === 'mfa_methods')
  if (unsupported !== undefined) throw failure(`path ${JSON.stringify(label)}: ${unsupported.keys[0]} is a feature of Vault Enterprise`, unsupported.line)
  if (/\+\*/.test(label)) throw failure(`path ${JSON.stringify(label)}: invalid use of wildcards ('+*' is forbidden)`, line)
  const given = strings(valueOf(body, 'capabilities'), label, 'capabilities', line)
  const wrong = given.find((name) => !capabilities.has(name))
  if (wrong !== undefined) throw failure(`path ${JSON.stringify(label)}: invalid capability ${JSON.stringify(wrong)}`, line)
  const old = valueOf(body, 'policy')
  if (old !== undefined && oldPolicies[String(old)] === undefined) throw failure(`path ${JSON.stringify(label)}: invalid policy ${JSON.stringify(String(old))}`, line)
  const all = [...given as Capability[], ...(old === undefined ? [] : oldPolicies[String(old)] ?? [])]
  const [allowed, denied] = [parameters(body, 'allowed_parameters', label), parameters(body, 'denied_parameters', label)]
  const required = valueOf(body, 'required_parameters')
  const [min, max] = [ttl(body, 'min_wrapping_ttl'), ttl(body, 'max_wrapping_ttl')]
  if (min !== undefined && max !== undefined && max < min) throw failure(`path ${JSON.stringify(label)}: max_wrapping_ttl cannot be less than min_wrapping_ttl`, line)
  return {
    path: label.replace(/^\//, ''),
    capabilities: all.includes('deny') ? ['deny'] : [...new Set(all)],
    ...(allowed === undefined ? {} : { allowed }), ...(denied === undefined ? {} : { denied }),
    ...(required === undefined ? {} : { required: strings(required, label, 'required_parameters', line).map((name) => name.toLowerCase()) }),
    ...(min === undefined ? {} : { minWrappingTtl: min }), ...(max === undefined ? {} : { maxWrappingTtl: max }),
  }
}

function parameters(body: HclObject, key: string, label: string): ParameterRules | undefined {
  const found = body.items.filter((item) => item.keys[0] === key)
  if (found.length === 0) return undefined
  const entries = found.flatMap(({ value, line }) => {
    const bodies = (Array.isArray(value) ? value as readonly HclValue[] : [value])
    return bodies.flatMap((object) => {
      if (!isHclObject(object)) throw failure(`path ${JSON.stringify(label)}: ${key} must be a map of lists`, line)
      return object.items.map((item): [string, readonly unknown[]] => {
        if (!Array.isArray(item.value)) throw failure(`path ${JSON.stringify(label)}: ${key} of ${JSON.stringify(item.keys[0])} must be a list`, item.line)
        return [(item.keys[0] ?? '').toLowerCase(), (item.value as readonly HclValue[]).map(plain)]
      })
    })
  })
  return Object.fromEntries(entries)
}

function strings(value: HclValue | undefined, label: string, key: string, line: number): string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) throw failure(`path ${JSON.stringify(label)}: ${key} must be a list of strings`, line)
  return value as string[]
}

function ttl(body: HclObject, key: string): number | undefined {
  const value = valueOf(body, key)
  return value === undefined ? undefined : parseDuration(value)
}

function failure(message: string, line: number): CodedError {
  return new CodedError({ code: 'InvalidHcl', message, where: `policy:${line}` })
}
