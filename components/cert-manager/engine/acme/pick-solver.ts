import type { AuthorizationStatus, Solver } from '../../kinds/acme.ts'

interface Asked { readonly identifier: string; readonly challenges: NonNullable<AuthorizationStatus['challenges']>; readonly labels: Readonly<Record<string, string>> }
export interface Picked { readonly solver: Solver; readonly challenge: NonNullable<AuthorizationStatus['challenges']>[number] }

/**
 * The solver of an issuer that fits best: one that names the domain before one whose zone is longest, then the one with the
 * most labels, then the first. @param asked `identifier` starts with `*.` for a wildcard
 */
export function pickSolver(solvers: readonly Solver[], asked: Asked): Picked | undefined {
  let best: { picked: Picked; rank: readonly number[] } | undefined
  for (const solver of solvers) {
    const rank = rankOf(solver.selector, asked)
    const challenge = asked.challenges.find(({ type }) => (solver.http01 !== undefined && type === 'http-01' && !asked.identifier.startsWith('*.')) || (solver.dns01 !== undefined && type === 'dns-01'))
    if (rank === undefined || challenge === undefined) continue
    if (best === undefined || compare(rank, best.rank) > 0) best = { picked: { solver, challenge }, rank }
  }
  return best?.picked
}

/** How well a selector fits; undefined when it does not. */
function rankOf(selector: Solver['selector'], { identifier, labels }: Asked): readonly number[] | undefined {
  const { matchLabels = {}, dnsNames = [], dnsZones = [] } = selector ?? {}
  const wanted = Object.entries(matchLabels)
  if (wanted.some(([name, value]) => labels[name] !== value)) return undefined
  const named = dnsNames.includes(identifier)
  const plain = identifier.replace(/^\*\./, '')
  const zone = Math.max(0, ...dnsZones.filter((each) => plain === each || plain.endsWith(`.${each}`)).map((each) => each.split('.').length))
  if ((dnsNames.length > 0 || dnsZones.length > 0) && !named && zone === 0) return undefined
  return [named ? 1 : 0, zone, wanted.length]
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value - (b[i] ?? 0)
  return 0
}
