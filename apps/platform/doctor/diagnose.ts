import { titleOf, refOf, type Diagnosis, type Judge, type Leaf, type Ref } from './diagnosis.ts'
import type { World } from './world.ts'

/** One step of a chain: an object and what is wrong with it. */
export interface Link { readonly subject: string; readonly says: string; readonly ref?: Ref }

/** One fault: the chain from what is seen to what causes it, the remedy, and what else hangs on the same cause. */
export interface Problem {
  readonly chain: readonly Link[]
  readonly remedy: string
  /** Other things that are not well for the same cause. */
  readonly also: readonly string[]
  /** How many things in all are not well because of the root. */
  readonly weight: number
}

interface Chain { readonly links: readonly Link[]; readonly remedy: string }

const keyOf = (ref: Ref): string => titleOf(ref)
const isLeaf = (cause: Ref | Leaf): cause is Leaf => 'subject' in cause

/**
 * Judges every object of the kinds that have a judge and follows causes down. One problem per root cause, the one that most hangs on first.
 * Per object the longest chain counts; a circle of causes ends where it began.
 */
export function diagnose(world: World, judges: Readonly<Record<string, Judge>>, notSymptoms: ReadonlySet<string> = new Set()): readonly Problem[] {
  const known = new Map<string, Diagnosis | undefined>()
  const judged = (ref: Ref): Diagnosis | undefined => {
    const key = keyOf(ref)
    if (!known.has(key)) known.set(key, judges[ref.kind]?.(world.find(ref), world, ref))
    return known.get(key)
  }
  const chains = new Map<string, Chain | undefined>()
  const follow = (ref: Ref, above: ReadonlySet<string>): Chain | undefined => {
    const key = keyOf(ref)
    if (chains.has(key)) return chains.get(key)
    const diagnosis = judged(ref)
    if (diagnosis === undefined) return undefined
    const path = new Set(above).add(key)
    const below = (diagnosis.because ?? []).filter((cause) => isLeaf(cause) || !path.has(keyOf(cause)))
      .map((cause) => (isLeaf(cause) ? { links: [{ subject: cause.subject, says: cause.says }], remedy: cause.remedy } : follow(cause, path))).filter((chain) => chain !== undefined)
    const longest = below.reduce<Chain | undefined>((best, chain) => (best === undefined || chain.links.length > best.links.length ? chain : best), undefined)
    const own: Link = { subject: titleOf(ref), says: diagnosis.says, ref }
    const chain: Chain = { links: [own, ...(longest?.links ?? [])], remedy: longest?.remedy || diagnosis.remedy || `Look at it: kubectl describe ${ref.kind.toLowerCase()} ${ref.name}${ref.namespace === undefined ? '' : ` -n ${ref.namespace}`}` }
    // A chain cut short because it began inside a circle is not the whole truth for others.
    if (above.size === 0 || below.length === (diagnosis.because ?? []).length) chains.set(key, chain)
    return chain
  }
  const found = Object.keys(judges).filter((kind) => !notSymptoms.has(kind)).flatMap((kind) => world.list(kind).map(refOf)).map((ref) => follow(ref, new Set())).filter((chain) => chain !== undefined)
  return groupByRoot(found)
}

function groupByRoot(chains: readonly Chain[]): readonly Problem[] {
  const covered = new Set(chains.flatMap((chain) => chain.links.slice(1).map((link) => link.subject)))
  const groups = Map.groupBy(chains, ({ links }) => { const root = links.at(-1); return `${root?.subject}: ${root?.says}` })
  return [...groups.values()].map((members) => {
    const [longest] = members.toSorted((a, b) => b.links.length - a.links.length || (a.links[0]?.subject ?? '').localeCompare(b.links[0]?.subject ?? ''))
    const chain = longest?.links ?? []
    const shown = new Set(chain.map((link) => link.subject))
    const also = members.map((member) => member.links[0]?.subject ?? '').filter((subject) => !covered.has(subject) && !shown.has(subject)).toSorted()
    return { chain, remedy: longest?.remedy ?? '', also, weight: members.length }
  }).toSorted((a, b) => b.weight - a.weight || (a.chain[0]?.subject ?? '').localeCompare(b.chain[0]?.subject ?? ''))
}
