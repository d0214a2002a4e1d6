import { GoError } from '../go-error.ts'
import { fn, Num, Struct, type GoFunction } from '../value.ts'

/** A semantic version (https://semver.org); `original` is the text it was read from. */
export interface Version {
  readonly major: bigint
  readonly minor: bigint
  readonly patch: bigint
  readonly pre: string
  readonly metadata: string
  readonly original: string
}

const versionPattern = /^v?(\d+)(\.\d+)?(\.\d+)?(-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/

/** Reads a version; minor and patch may be missing. */
export function readVersion(text: string): Version | undefined {
  const match = versionPattern.exec(text)
  if (match === null) return undefined
  const pre = match[5] ?? ''
  if (pre.split('.').some((part) => /^0\d+$/.test(part))) return undefined
  return {
    major: BigInt(match[1] ?? 0), minor: BigInt(match[2]?.slice(1) ?? 0), patch: BigInt(match[3]?.slice(1) ?? 0), pre, metadata: match[7] ?? '', original: text,
  }
}

function mustRead(text: string): Version {
  const version = readVersion(text)
  if (version === undefined) throw new GoError(versionPattern.test(text) ? 'version segment starts with 0' : 'invalid semantic version')
  return version
}

/** The version as x.y.z-pre+meta. */
export function versionText(version: Version): string {
  return `${version.major}.${version.minor}.${version.patch}${version.pre && `-${version.pre}`}${version.metadata && `+${version.metadata}`}`
}

/** Negative, zero or positive; metadata does not count. */
export function compareVersions(a: Version, b: Version): number {
  for (const part of ['major', 'minor', 'patch'] as const) if (a[part] !== b[part]) return a[part] < b[part] ? -1 : 1
  if (a.pre === b.pre) return 0
  if (a.pre === '' || b.pre === '') return a.pre === '' ? 1 : -1
  const x = a.pre.split('.')
  const y = b.pre.split('.')
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const order = comparePart(x[i], y[i])
    if (order !== 0) return order
  }
  return 0
}

function comparePart(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1
  const numeric = [a, b].map((part) => /^\d+$/.test(part))
  if (numeric[0] && numeric[1]) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0
  if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1
  return a < b ? -1 : 1
}

interface Constraint { readonly operator: string; readonly version: Version; readonly dirty: 'none' | 'major' | 'minor' | 'patch' }

const one = 'v?([0-9xX*]+)(\\.[0-9xX*]+)?(\\.[0-9xX*]+)?(-[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?(\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?'
const operators = '=||!=|>|<|>=|=>|<=|=<|~|~>|\\^'.split('|').filter((word) => word !== '').sort((a, b) => b.length - a.length).join('|')
const constraintPattern = new RegExp(`^\\s*(${operators})?\\s*(${one})\\s*$`)
const findPattern = new RegExp(`(?:${operators})?\\s*(?:${one})`, 'g')
const rangePattern = new RegExp(`\\s*(${one})\\s+-\\s+(${one})\\s*`, 'g')
const validPattern = new RegExp(`^(\\s*(?:${operators})?\\s*(?:${one})\\s*)((?:\\s+|,\\s*)(?:${operators})?\\s*(?:${one})\\s*)*$`)

const constraintCache = new Map<string, Constraint[][]>()

/** Alternatives (or) of conditions (and). Throws GoError. */
function readConstraints(text: string): Constraint[][] {
  const known = constraintCache.get(text)
  if (known !== undefined) return known
  const rewritten = text.replace(rangePattern, (all) => {
    const [from, to] = all.trim().split(/\s+-\s+/)
    return `>= ${from}, <= ${to} `
  })
  const found = rewritten.split('||').map((part) => {
    if (!validPattern.test(part)) throw new GoError(`improper constraint: ${text}`)
    return [...part.matchAll(findPattern)].map(([word]) => readConstraint(word))
  })
  if (constraintCache.size > 500) constraintCache.clear()
  constraintCache.set(text, found)
  return found
}

function isWild(part: string | undefined): boolean {
  return part === undefined || /^\.?[xX*]$/.test(part)
}

function readConstraint(text: string): Constraint {
  const match = constraintPattern.exec(text)
  if (match === null) throw new GoError(`improper constraint: ${text}`)
  const [, operator = '', , major, minor, patch, pre, metadata] = match
  const base = { metadata: (metadata ?? '').slice(1), original: match[2] ?? '' }
  if (isWild(major)) return { operator, version: { ...base, major: 0n, minor: 0n, patch: 0n, pre: '' }, dirty: 'major' }
  const read = (part: string | undefined) => BigInt(part?.replace('.', '') ?? 0)
  if (isWild(minor)) return { operator, version: { ...base, major: read(major), minor: 0n, patch: 0n, pre: '' }, dirty: 'minor' }
  if (isWild(patch)) return { operator, version: { ...base, major: read(major), minor: read(minor), patch: 0n, pre: '' }, dirty: 'patch' }
  return { operator, version: { ...base, major: read(major), minor: read(minor), patch: read(patch), pre: (pre ?? '').slice(1) }, dirty: 'none' }
}

function holds(version: Version, { operator, version: want, dirty }: Constraint): boolean {
  // A pre-release only meets a constraint that names one.
  const hidden = version.pre !== '' && want.pre === ''
  const order = compareVersions(version, want)
  switch (operator) {
    case '!=':
      if (hidden) return false
      if (dirty === 'none') return order !== 0
      return dirty === 'major' ? false : version.major !== want.major || (dirty === 'patch' && version.minor !== want.minor)
    case '>':
      if (hidden) return false
      if (dirty === 'none') return order > 0
      if (version.major !== want.major) return version.major > want.major
      return dirty === 'patch' ? version.minor > want.minor : false
    case '<': return !hidden && order < 0
    case '>=': case '=>': return !hidden && order >= 0
    case '<=': case '=<':
      if (hidden) return false
      if (dirty === 'none') return order <= 0
      if (dirty === 'major') return true
      if (version.major > want.major) return false
      return !(version.major === want.major && dirty === 'patch' && version.minor > want.minor)
    case '~': case '~>': return !hidden && tilde(version, want, dirty, order)
    case '^': return !hidden && order >= 0 && caret(version, want, dirty)
    default:
      if (dirty === 'none') return !(hidden && false) && order === 0
      return !hidden && tilde(version, want, dirty, order)
  }
}

function tilde(version: Version, want: Version, dirty: Constraint['dirty'], order: number): boolean {
  if (order < 0) return false
  if (dirty === 'major' || (want.major === 0n && want.minor === 0n && want.patch === 0n && dirty !== 'minor' && dirty !== 'patch' && want.pre === '' && dirty !== 'none')) return true
  if (version.major !== want.major) return false
  return dirty === 'minor' || version.minor === want.minor
}

function caret(version: Version, want: Version, dirty: Constraint['dirty']): boolean {
  if (dirty === 'major') return true
  if (want.major > 0n || dirty === 'minor') return version.major === want.major
  if (version.major > 0n) return false
  if (want.minor > 0n || dirty === 'patch') return version.minor === want.minor
  if (version.minor > 0n) return false
  return version.patch === want.patch
}

/** Does a version meet constraints such as `>=1.21.0-0 <2 || ^3`? Throws GoError with the library's message. */
export function semverCompare(constraints: string, version: string): boolean {
  const alternatives = readConstraints(constraints)
  const read = mustRead(version)
  return alternatives.some((all) => all.every((constraint) => holds(read, constraint)))
}

/** A version as templates see it: `.Major`, `.Minor`, `.Patch`, `.Prerelease`, `.Metadata`, `.Original`, `.Compare`, … */
export function versionValue(version: Version): Struct {
  const number = (value: bigint) => fn('', () => new Num('uint64', value))
  const other = (value: unknown) => (value instanceof Struct ? value.shape.inner as Version : mustRead(String(value)))
  return new Struct({
    type: '*semver.Version', kind: 'ptr', inner: version, string: () => versionText(version), json: () => versionText(version),
    methods: {
      Major: number(version.major), Minor: number(version.minor), Patch: number(version.patch),
      Prerelease: fn('', () => version.pre), Metadata: fn('', () => version.metadata), Original: fn('', () => version.original), String: fn('', () => versionText(version)),
      Compare: fn('any', (value: unknown) => BigInt(Math.sign(compareVersions(version, other(value))))),
      Equal: fn('any', (value: unknown) => compareVersions(version, other(value)) === 0),
      LessThan: fn('any', (value: unknown) => compareVersions(version, other(value)) < 0),
      GreaterThan: fn('any', (value: unknown) => compareVersions(version, other(value)) > 0),
      IncMajor: fn('', () => versionValue({ ...version, major: version.major + 1n, minor: 0n, patch: 0n, pre: '', metadata: '' })),
      IncMinor: fn('', () => versionValue({ ...version, minor: version.minor + 1n, patch: 0n, pre: '', metadata: '' })),
      IncPatch: fn('', () => versionValue({ ...version, patch: version.pre === '' ? version.patch + 1n : version.patch, pre: '', metadata: '' })),
    },
  })
}

export const semverFunctions: readonly (readonly [string, GoFunction])[] = [
  ['semver', fn('string', (text: string) => versionValue(mustRead(text)))],
  ['semverCompare', fn('string string', semverCompare)],
]

