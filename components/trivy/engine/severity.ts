import type { OsvRecord, Severity } from './advisory.ts'

/** How bad an advisory is: what its database says, else what its CVSS 3 vector comes to. */
export function severityOf(record: OsvRecord): { readonly severity: Severity; readonly score?: number } {
  const vector = record.severity?.find(({ type }) => type === 'CVSS_V3')?.score
  const score = record.database_specific?.score ?? (vector === undefined ? undefined : cvss3Score(vector))
  const told = record.database_specific?.severity?.toUpperCase().replace('MODERATE', 'MEDIUM')
  const severity = (['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'] as const).find((one) => one === told) ?? severityOfScore(score)
  return score === undefined ? { severity } : { severity, score }
}

/** The qualitative scale of CVSS 3.1, section 5. */
export function severityOfScore(score: number | undefined): Severity {
  if (score === undefined || score <= 0) return 'UNKNOWN'
  return score >= 9 ? 'CRITICAL' : score >= 7 ? 'HIGH' : score >= 4 ? 'MEDIUM' : 'LOW'
}

const weights: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  AV: { N: 0.85, A: 0.62, L: 0.55, P: 0.2 }, AC: { L: 0.77, H: 0.44 }, UI: { N: 0.85, R: 0.62 },
  C: { H: 0.56, L: 0.22, N: 0 }, I: { H: 0.56, L: 0.22, N: 0 }, A: { H: 0.56, L: 0.22, N: 0 },
}

/** The base score of a CVSS 3.x vector (specification 3.1, section 7.1); undefined when a metric is missing. */
export function cvss3Score(vector: string): number | undefined {
  const metrics = Object.fromEntries(vector.split('/').map((part) => part.split(':') as [string, string]))
  const weight = (name: string): number => weights[name]?.[metrics[name] ?? ''] ?? Number.NaN
  const changed = metrics['S'] === 'C'
  const privileges = ({ N: 0.85, L: changed ? 0.68 : 0.62, H: changed ? 0.5 : 0.27 } as Record<string, number>)[metrics['PR'] ?? ''] ?? Number.NaN
  const base = 1 - (1 - weight('C')) * (1 - weight('I')) * (1 - weight('A'))
  const impact = changed ? 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15 : 6.42 * base
  const exploitability = 8.22 * weight('AV') * weight('AC') * privileges * weight('UI')
  if (Number.isNaN(impact + exploitability)) return undefined
  return impact <= 0 ? 0 : roundUp(Math.min(changed ? 1.08 * (impact + exploitability) : impact + exploitability, 10))
}

/** Section 7.4 and appendix A: the next tenth, without what binary fractions add. */
function roundUp(value: number): number {
  const whole = Math.round(value * 100_000)
  return whole % 10_000 === 0 ? whole / 100_000 : (Math.floor(whole / 10_000) + 1) / 10
}
