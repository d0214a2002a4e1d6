import type { SemVer } from 'semver'
import coerce from 'semver/functions/coerce.js'
import compare from 'semver/functions/compare.js'
import parse from 'semver/functions/parse.js'

/** Compares two versions: below 0 when `a` is the older one. */
export type VersionOrder = (a: string, b: string) => number

/** The order of an OSV ecosystem's versions; undefined for those that are not known here (their advisories are left out, by name). */
export function orderOf(ecosystem: string): VersionOrder | undefined {
  const [family = ''] = ecosystem.split(':')
  if (['Bitnami', 'Go', 'npm', 'crates.io', 'Hex', 'Pub', 'SwiftURL', 'GitHub Actions', 'Packagist', 'NuGet'].includes(family)) return compareSemantic
  return ['Debian', 'Ubuntu'].includes(family) ? compareDebian : undefined
}

/** Semantic Versioning 2.0.0; a leading `v` and missing parts are let pass: `1.29` is `1.29.0`. */
export const compareSemantic: VersionOrder = (a, b) => compare(semantic(a), semantic(b))

function semantic(text: string): SemVer {
  // Go writes pseudo versions with a prefix, Python pre-releases without a dash: what is left after that is coerced.
  return parse(text.replace(/^v/, '')) ?? parse(text.replace(/^v?(\d+)\.(\d+)(?=[-+])/, '$1.$2.0')) ?? coerce(text) ?? parse('0.0.0') as SemVer
}

/** Debian Policy 5.6.12: epoch, upstream version, revision; `~` is older than the end. */
export const compareDebian: VersionOrder = (a, b) => {
  const [x, y] = [debianParts(a), debianParts(b)]
  return x.epoch - y.epoch || compareDebianPart(x.upstream, y.upstream) || compareDebianPart(x.revision, y.revision)
}

function debianParts(text: string): { epoch: number; upstream: string; revision: string } {
  const [, epoch = '0', rest = ''] = /^(?:(\d+):)?(.*)$/.exec(text.trim()) ?? []
  const dash = rest.lastIndexOf('-')
  return { epoch: Number(epoch), upstream: dash < 0 ? rest : rest.slice(0, dash), revision: dash < 0 ? '' : rest.slice(dash + 1) }
}

/** `~` before the end, the end before letters, letters before everything else. */
const weight = (character: string | undefined): number => (character === '~' ? -1 : character === undefined ? 0 : /[a-z]/i.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256)

function compareDebianPart(a: string, b: string): number {
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    for (;;) {
      const [x, y] = [a[i], b[j]].map((c) => (c !== undefined && /\d/.test(c) ? undefined : c))
      if (x === undefined && y === undefined) break
      const difference = weight(x) - weight(y)
      if (difference !== 0) return difference
      i++
      j++
    }
    const [x = '', y = ''] = [a.slice(i), b.slice(j)].map((rest) => /^\d*/.exec(rest)?.[0] ?? '')
    const difference = BigInt(x || 0) - BigInt(y || 0)
    if (difference !== 0n) return difference < 0n ? -1 : 1
    i += x.length
    j += y.length
  }
  return 0
}
