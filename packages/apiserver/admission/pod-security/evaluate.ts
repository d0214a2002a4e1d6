import type { Pod } from '@idp/api'
import { baselineChecks } from './baseline.ts'
import { podToCheck, type Violation } from './check.ts'
import { restrictedChecks } from './restricted.ts'

export type Level = 'privileged' | 'baseline' | 'restricted'

/** A level at a version of the standards, e.g. `restricted:v1.29` or `baseline:latest`. */
export interface Standard { readonly level: Level; readonly version: string }

const latest = 99

/** Controls that a restricted pod is held to in place of the weaker baseline ones. */
const replacedByRestricted = new Set(['non-default capabilities', 'seccompProfile', 'hostPath volumes', 'procMount'])

/** What a pod does that a standard forbids, in the order of upstream's messages (https://kubernetes.io/docs/concepts/security/pod-security-standards/). */
export function violations({ level, version }: Standard, metadata: Pod['metadata'], spec: Pod['spec']): Violation[] {
  if (level === 'privileged') return []
  const minor = version === 'latest' ? latest : Number(/^v1\.(\d+)$/.exec(version)?.[1] ?? latest)
  const pod = podToCheck(metadata, spec)
  const run = (checks: typeof baselineChecks) => checks.filter(({ since }) => since <= minor).flatMap((check) => check.run(pod, minor) ?? [])
  const base = run(baselineChecks)
  if (level === 'baseline') return base
  const strict = run(restrictedChecks)
  const covered = new Set(strict.map(({ reason }) => (reason === 'unrestricted capabilities' ? 'non-default capabilities' : reason === 'restricted volume types' ? 'hostPath volumes' : reason)))
  return [...base.filter(({ reason }) => !(replacedByRestricted.has(reason) && covered.has(reason))), ...strict]
}

/** `reason (detail), reason (detail)`. */
export function violationsText(found: readonly Violation[]): string {
  return found.map(({ reason, detail }) => `${reason} (${detail})`).join(', ')
}

export function standardText({ level, version }: Standard): string {
  return `${level}:${version}`
}
