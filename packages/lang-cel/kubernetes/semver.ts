import { boolType, intType, opaqueType, stringType } from '../check/cel-type.ts'
import { traversalCost } from '../compile/cost.ts'
import { type CelFunction, type CelLibrary, global, member } from '../environment.ts'
import { CelFault } from '../value/fault.ts'
import { makeInt } from '../value/integer.ts'
import { CelOpaque, type CelValue } from '../value/value.ts'

export const semverType = opaqueType('kubernetes.Semver')

interface Version { readonly numbers: readonly [bigint, bigint, bigint]; readonly pre: readonly string[] }

class Semver extends CelOpaque {
  override readonly celType = semverType
  readonly version: Version
  constructor(version: Version) {
    super()
    this.version = version
  }
  override equals(other: CelOpaque): boolean {
    return other instanceof Semver && compare(this.version, other.version) === 0
  }
}

const pattern = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/

/** Reads a version of https://semver.org; with `normalize` a leading v, leading zeros and missing parts are mended first. */
function parse(text: string, normalize: boolean): Version | string {
  const shaped = normalize ? mend(text) : text
  const match = pattern.exec(shaped)
  if (!match) return shaped.split('.').length < 3 ? 'No Major.Minor.Patch elements found' : `Invalid character(s) found in version ${JSON.stringify(shaped)}`
  const numbers = [BigInt(match[1] ?? 0), BigInt(match[2] ?? 0), BigInt(match[3] ?? 0)] as const
  if (numbers.some((number) => number >= 2n ** 64n)) return 'value out of range'
  return { numbers, pre: match[4]?.split('.') ?? [] }
}

function mend(text: string): string {
  const [major = '', minor, ...patch] = text.replace(/^v/, '').split('.')
  const parts = [major, ...minor === undefined ? [] : [minor], ...patch.length === 0 ? [] : [patch.join('.')]].map((part) => part.length > 1 ? part.replace(/^0+(?=\d)/, '').replace(/^0+(?=\D|$)/, '0') : part)
  if (parts.length < 3 && /[+-]/.test(parts.at(-1) ?? '')) return ''
  while (parts.length < 3) parts.push('0')
  return parts.join('.')
}

function compare(a: Version, b: Version): number {
  for (let i = 0; i < 3; i++) {
    const [x = 0n, y = 0n] = [a.numbers[i], b.numbers[i]]
    if (x !== y) return x < y ? -1 : 1
  }
  if (a.pre.length === 0 || b.pre.length === 0) return Math.sign(b.pre.length - a.pre.length)
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const order = comparePart(a.pre[i] ?? '', b.pre[i] ?? '')
    if (order !== 0) return order
  }
  return Math.sign(a.pre.length - b.pre.length)
}

function comparePart(a: string, b: string): number {
  const [x, y] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (x && y) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0
  if (x !== y) return x ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

function semver(text: CelValue, normalize: CelValue = false): Semver {
  const version = parse(text as string, normalize === true)
  if (typeof version === 'string') throw new CelFault(version)
  return new Semver(version)
}

const of = (value: CelValue): Version => (value as Semver).version
const isSemver = (text: CelValue, normalize: CelValue = false) => typeof parse(text as string, normalize === true) !== 'string'
const cost = ([text = '']: readonly CelValue[]) => traversalCost(text)
const part = (name: string, index: 0 | 1 | 2): CelFunction => ({ name, overloads: [member([semverType], intType, (value) => makeInt(of(value).numbers[index]))] })

const functions: CelFunction[] = [
  { name: 'semver', overloads: [global([stringType], semverType, semver, cost), global([stringType, boolType], semverType, semver, cost)] },
  { name: 'isSemver', overloads: [global([stringType], boolType, isSemver, cost), global([stringType, boolType], boolType, isSemver, cost)] },
  part('major', 0), part('minor', 1), part('patch', 2),
  { name: 'isGreaterThan', overloads: [member([semverType, semverType], boolType, (a, b) => compare(of(a), of(b)) > 0)] },
  { name: 'isLessThan', overloads: [member([semverType, semverType], boolType, (a, b) => compare(of(a), of(b)) < 0)] },
  { name: 'compareTo', overloads: [member([semverType, semverType], intType, (a, b) => compare(of(a), of(b)))] },
]

/** `semver('1.2.3')` and comparison (https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-semver-library). */
export const semverLibrary: CelLibrary = { name: 'kubernetes.Semver', functions, types: [semverType] }
