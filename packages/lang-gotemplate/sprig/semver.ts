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
  const read = (part: string | undefined) => BigInt(part?.replace('.', '') ?? 0)
  const dirty = isWild(major) ? 'major' : isWild(minor) ? 'minor' : isWild(patch) ? 'patch' : 'none'
  const version = {
    ...base, pre: (pre ?? '').slice(1), major: dirty === 'major' ? 0n : read(major),
    minor: dirty === 'major' || dirty === 'minor' ? 0n : read(minor), patch: dirty === 'none' ? read(patch) : 0n,
  }
  return { operator, version, dirty }
}

function holds(version: Version, constraint: Constraint, withPre: boolean): boolean {
  const { operator, version: want, dirty } = constraint
  const hidden = version.pre !== '' && !withPre
  const order = compareVersions(version, want)
  switch (operator) {
    case '!=':
      if (dirty === 'none') return order !== 0
      return !hidden && differs(version, constraint)
    case '>': return !hidden && greater(version, constraint, order)
    case '<': return !hidden && order < 0
    case '>=': case '=>': return !hidden && order >= 0
    case '<=': case '=<': return !hidden && lessOrEqual(version, constraint, order)
    case '~': case '~>': return !hidden && order >= 0 && tilde(version, constraint)
    case '^': return !hidden && order >= 0 && caret(version, constraint)
    default: return !hidden && (dirty === 'none' ? order === 0 : order >= 0 && tilde(version, constraint))
  }
}

/** `!=1.2.x` */
function differs(version: Version, { version: want, dirty }: Constraint): boolean {
  if (version.major !== want.major) return true
  if (dirty === 'minor') return false
  if (version.minor !== want.minor) return true
  return dirty === 'patch' ? false : version.patch !== want.patch
}

/** `>1.2` begins with 1.3. */
function greater(version: Version, { version: want, dirty }: Constraint, order: number): boolean {
  if (dirty === 'none') return order > 0
  if (version.major !== want.major) return version.major > want.major
  if (dirty === 'minor') return false
  return dirty === 'patch' ? version.minor > want.minor : order > 0
}

/** `<=1.2` ends with 1.2.x. */
function lessOrEqual(version: Version, { version: want, dirty }: Constraint, order: number): boolean {
  if (dirty === 'none') return order <= 0
  if (version.major > want.major) return false
  return !(version.major === want.major && version.minor > want.minor && dirty !== 'minor')
}

/** The version is not less than the wanted one. */
function tilde(version: Version, { version: want, dirty }: Constraint): boolean {
  if (want.major === 0n && want.minor === 0n && want.patch === 0n && dirty !== 'minor' && dirty !== 'patch') return true
  return version.major === want.major && (version.minor === want.minor || dirty === 'minor')
}

/** The version is not less than the wanted one. */
function caret(version: Version, { version: want, dirty }: Constraint): boolean {
  if (want.major > 0n || dirty === 'minor') return version.major === want.major
  if (version.major > want.major) return false
  if (want.minor > 0n || dirty === 'patch') return version.minor === want.minor
  return version.minor === 0n && version.patch === want.patch
}

/** Does a version meet constraints such as `>=1.21.0-0 <2 || ^3`? Throws GoError with the library's message. */
export function semverCompare(constraints: string, version: string): boolean {
  const alternatives = readConstraints(constraints)
  const read = mustRead(version)
  return alternatives.some((all) => {
    // A pre-release only meets conditions of which at least one names a pre-release.
    const withPre = all.some(({ version: { pre } }) => pre !== '')
    return all.every((constraint) => holds(read, constraint, withPre))
  })
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

