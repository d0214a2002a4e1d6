import type { AreaVerdict, Examination, Problem } from '@idp/platform'

export interface ProblemRow extends Problem { readonly kind: 'problem'; readonly order: number }
export interface AreaRow extends AreaVerdict { readonly kind: 'area'; readonly order: number }

/** The doctor's verdicts as rows. What only the deep examination knows (logs of what crashed, sealed Vaults) takes the place of the quick chain with the same beginning. */
export function problemRows({ areas, problems }: Pick<Examination, 'areas' | 'problems'>, deep: Pick<Examination, 'problems'> | undefined): ReadonlyMap<string, ProblemRow | AreaRow> {
  const known = new Map((deep?.problems ?? []).map((problem) => [keyOf(problem), problem]))
  return new Map<string, ProblemRow | AreaRow>([
    ...areas.map((area, order): [string, AreaRow] => [`area ${area.area}`, { ...area, kind: 'area', order }]),
    ...problems.map((quick, order): [string, ProblemRow] => {
      const slow = known.get(keyOf(quick))
      return [keyOf(quick), { ...(slow !== undefined && slow.chain.length >= quick.chain.length ? slow : quick), kind: 'problem', order }]
    }),
  ])
}

const keyOf = ({ chain }: Problem): string => `problem ${chain[0]?.subject ?? ''}`
