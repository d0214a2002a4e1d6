import type { Data } from '../fields.ts'
import type { Capability, ParameterRules, PathRule } from './parse-policy.ts'

export type Operation = 'create' | 'read' | 'update' | 'delete' | 'list' | 'patch'

/** What a token may do, from all its policies together. */
export interface Acl {
  /** Whether the operation is allowed; `data` are the parameters of a write, `wrapTtl` the asked wrapping in seconds. */
  allows(operation: Operation, path: string, data?: Data, wrapTtl?: number): boolean
  sudo(path: string): boolean
  /** As `sys/capabilities` prints them: sorted, `root`, or `deny`. */
  capabilities(path: string): string[]
  /** Whether any rule lies at or below a prefix (what a user may see of the mounts). */
  touches(prefix: string): boolean
}

/** The policy `root`. */
export const rootAcl: Acl = { allows: () => true, sudo: () => true, capabilities: () => ['root'], touches: () => true }

/** Rules of the same path, merged over all policies. */
interface Merged {
  readonly path: string
  capabilities: Set<Capability>
  allowed?: Record<string, unknown[]>
  denied?: Record<string, unknown[]>
  required: Set<string>
  minWrap?: number
  maxWrap?: number
}

export function createAcl(rules: readonly PathRule[]): Acl {
  const exact = new Map<string, Merged>()
  const patterns = new Map<string, Merged>()
  for (const rule of rules) {
    const table = isPattern(rule.path) ? patterns : exact
    const known = table.get(rule.path)
    if (known === undefined) table.set(rule.path, fresh(rule))
    else merge(known, rule)
  }
  const ordered = [...patterns.values()].sort((a, b) => moreSpecific(a.path, b.path))
  const matchers = ordered.map((rule) => ({ rule, matches: matcher(rule.path) }))

  function find(path: string, listing: boolean): Merged | undefined {
    const direct = exact.get(path) ?? (listing && path.endsWith('/') ? exact.get(path.slice(0, -1)) : undefined)
    if (direct !== undefined) return direct
    const glob = matchers.find(({ matches }) => matches(path)) ?? (listing && path.endsWith('/') ? matchers.find(({ matches }) => matches(path.slice(0, -1))) : undefined)
    return glob?.rule
  }
  return {
    allows(operation, path, data, wrapTtl) {
      const rule = find(path, operation === 'list')
      if (rule === undefined || rule.capabilities.has('deny') || !rule.capabilities.has(operation)) return false
      if (wrapTtl === undefined ? rule.minWrap !== undefined : wrapTtl < (rule.minWrap ?? 0) || wrapTtl > (rule.maxWrap ?? Infinity)) return false
      return operation === 'read' || operation === 'list' || operation === 'delete' || parametersFit(rule, data ?? {})
    },
    sudo: (path) => find(path, false)?.capabilities.has('sudo') === true && find(path, false)?.capabilities.has('deny') === false,
    capabilities(path) {
      const rule = find(path, path.endsWith('/'))
      if (rule === undefined || rule.capabilities.has('deny') || rule.capabilities.size === 0) return ['deny']
      return [...rule.capabilities].sort()
    },
    touches(prefix) {
      const granting = (rule: Merged): boolean => !rule.capabilities.has('deny') && rule.capabilities.size > 0
      return [...exact.values(), ...ordered].some((rule) => granting(rule) && (literal(rule.path).startsWith(prefix) || prefix.startsWith(literal(rule.path)) && isPattern(rule.path)))
    },
  }
}

const isPattern = (path: string): boolean => path.endsWith('*') || path.split('/').includes('+')
const literal = (path: string): string => /^[^+*]*/.exec(path)?.[0] ?? ''

/** `+` is one segment; a `*` at the end is anything, also nothing. */
function matcher(pattern: string): (path: string) => boolean {
  const glob = pattern.endsWith('*')
  const want = (glob ? pattern.slice(0, -1) : pattern).split('/')
  return (path) => {
    const got = path.split('/')
    if (glob ? got.length < want.length : got.length !== want.length) return false
    return want.every((segment, i) => {
      if (glob && i === want.length - 1) return (got[i] ?? '').startsWith(segment)
      return segment === '+' ? got[i] !== '' || i < got.length - 1 : segment === got[i]
    })
  }
}

/** Upstream's order of priority: later first wildcard, no glob at the end, fewer `+`, longer, later in the alphabet. */
export function moreSpecific(a: string, b: string): number {
  const first = (path: string): number => {
    const plus = path.split('/').indexOf('+')
    const at = plus < 0 ? Infinity : path.split('/').slice(0, plus).join('/').length + (plus > 0 ? 1 : 0)
    return Math.min(at, path.endsWith('*') ? path.length - 1 : Infinity)
  }
  const pluses = (path: string): number => path.split('/').filter((segment) => segment === '+').length
  return first(b) - first(a) || Number(a.endsWith('*')) - Number(b.endsWith('*')) || pluses(a) - pluses(b) || b.length - a.length || (a < b ? 1 : -1)
}

function fresh(rule: PathRule): Merged {
  const copy = (rules: ParameterRules) => Object.fromEntries(Object.entries(rules).map(([key, values]) => [key, [...values]]))
  return {
    path: rule.path, capabilities: new Set(rule.capabilities), required: new Set(rule.required),
    ...(rule.allowed === undefined ? {} : { allowed: copy(rule.allowed) }), ...(rule.denied === undefined ? {} : { denied: copy(rule.denied) }),
    ...(rule.minWrappingTtl === undefined ? {} : { minWrap: rule.minWrappingTtl }), ...(rule.maxWrappingTtl === undefined ? {} : { maxWrap: rule.maxWrappingTtl }),
  }
}

/** Capabilities and parameters add up; a deny wins. */
function merge(into: Merged, rule: PathRule): void {
  if (into.capabilities.has('deny')) return
  if (rule.capabilities.includes('deny')) {
    into.capabilities = new Set(['deny'])
    return
  }
  for (const capability of rule.capabilities) into.capabilities.add(capability)
  for (const name of rule.required ?? []) into.required.add(name)
  for (const key of ['allowed', 'denied'] as const) {
    const more = rule[key]
    if (more === undefined) continue
    const known = into[key] ??= {}
    for (const [name, values] of Object.entries(more)) {
      const before = known[name]
      known[name] = before === undefined ? [...values] : before.length === 0 || values.length === 0 ? [] : [...before, ...values]
    }
  }
  if (rule.minWrappingTtl !== undefined) into.minWrap = Math.min(into.minWrap ?? Infinity, rule.minWrappingTtl)
  if (rule.maxWrappingTtl !== undefined) into.maxWrap = Math.max(into.maxWrap ?? 0, rule.maxWrappingTtl)
}

function parametersFit(rule: Merged, data: Data): boolean {
  const given = new Map(Object.entries(data).map(([key, value]) => [key.toLowerCase(), value]))
  for (const name of rule.required) if (!given.has(name)) return false
  if (given.size === 0) return true
  const { denied, allowed } = rule
  if (denied !== undefined) {
    if (denied['*'] !== undefined) return false
    for (const [name, value] of given) {
      const values = Object.hasOwn(denied, name) ? denied[name] : undefined
      if (values !== undefined && amongValues(value, values)) return false
    }
  }
  if (allowed === undefined || Object.keys(allowed).length === 0) return true
  const any = allowed['*'] !== undefined
  for (const [name, value] of given) {
    const values = Object.hasOwn(allowed, name) ? allowed[name] : undefined
    if (values === undefined ? !any : !amongValues(value, values)) return false
  }
  return true
}

/** An empty list means any value. Strings may be globs with `*` at either end. */
function amongValues(value: unknown, values: readonly unknown[]): boolean {
  return values.length === 0 || values.some((wanted) => {
    if (typeof wanted !== 'string' || typeof value !== 'string') return JSON.stringify(wanted) === JSON.stringify(value)
    const [open, close] = [wanted.startsWith('*'), wanted.endsWith('*') && wanted.length > 1]
    const core = wanted.slice(open ? 1 : 0, close ? -1 : undefined)
    return open && close ? value.includes(core) : open ? value.endsWith(core) : close ? value.startsWith(core) : value === wanted
  })
}
