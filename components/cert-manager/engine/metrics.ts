import type { Challenge } from '../kinds/acme.ts'
import type { AnyIssuer, Certificate } from '../kinds/cert-manager.ts'

/** What is told to Prometheus. */
export interface Measured {
  readonly certificates: readonly Certificate[]
  readonly challenges: readonly Challenge[]
  readonly issuers: readonly AnyIssuer[]
  /** Passes and failures by controller. */
  readonly syncs: ReadonlyMap<string, { readonly calls: number; readonly errors: number }>
  /** Milliseconds since the epoch. */
  readonly now: number
}

type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels, value: number]

/** Metrics under upstream's names, in Prometheus' text format. */
export function renderMetrics({ certificates, challenges, issuers, syncs, now }: Measured): string {
  const times = [['not_after', 'notAfter', 'The timestamp after which the certificate is invalid'], ['not_before', 'notBefore', 'The timestamp before which the certificate is invalid'], ['expiration', 'notAfter', 'The timestamp after which the certificate expires'], ['renewal', 'renewalTime', 'The timestamp after which the certificate should be renewed']] as const
  const namespaced = issuers.filter(({ kind }) => kind === 'Issuer')
  const cluster = issuers.filter(({ kind }) => kind === 'ClusterIssuer')
  return [
    ...family('certmanager_certificate_ready_status', 'The ready status of the certificate.', certificates.flatMap((each) => ready(each, labelsOf(each)))),
    ...times.flatMap(([name, field, help]) => family(`certmanager_certificate_${name}_timestamp_seconds`, `${help}, in Unix epoch time.`, certificates.map((each) => [labelsOf(each), seconds(each.status?.[field])]))),
    ...family('certmanager_issuer_ready_status', 'The ready status of the Issuer.', namespaced.flatMap((each) => ready(each, { name: each.metadata.name ?? '', namespace: each.metadata.namespace ?? '' }))),
    ...family('certmanager_clusterissuer_ready_status', 'The ready status of the ClusterIssuer.', cluster.flatMap((each) => ready(each, { name: each.metadata.name ?? '' }))),
    ...family('certmanager_certificate_challenge_status', 'The status of certificate challenges.', challenges.flatMap(challengeSamples)),
    ...family('certmanager_controller_sync_call_count', 'The number of passes of a controller.', [...syncs].map(([controller, { calls }]) => [{ controller }, calls]), 'counter'),
    ...family('certmanager_controller_sync_error_count', 'The number of passes of a controller that failed.', [...syncs].map(([controller, { errors }]) => [{ controller }, errors]), 'counter'),
    ...family('certmanager_clock_time_seconds', 'The clock time given in seconds.', [[{}, Math.floor(now / 1000)]], 'counter'), ...family('certmanager_clock_time_seconds_gauge', 'The clock time given in seconds.', [[{}, Math.floor(now / 1000)]]), '',
  ].join('\n')
}

function family(name: string, help: string, samples: readonly Sample[], type = 'gauge'): string[] {
  if (samples.length === 0) return []
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.map(([labels, value]) => `${name}${shown(labels)} ${value}`)]
}

function shown(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function labelsOf({ metadata, spec: { issuerRef } }: Certificate): Labels {
  return { issuer_group: issuerRef.group ?? '', issuer_kind: issuerRef.kind ?? '', issuer_name: issuerRef.name, name: metadata.name ?? '', namespace: metadata.namespace ?? '' }
}

function ready({ status }: { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } }, labels: Labels): Sample[] {
  const is = status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'Unknown'
  return ['True', 'False', 'Unknown'].map((condition) => [{ condition, ...labels }, condition === is ? 1 : 0])
}

function challengeSamples({ metadata, spec, status }: Challenge): Sample[] {
  const labels = { domain: spec.dnsName, name: metadata.name ?? '', namespace: metadata.namespace ?? '', processing: String(status?.processing === true), reason: status?.reason ?? '', type: String(spec.type) }
  return ['ready', 'valid', 'errored', 'expired', 'invalid', 'processing', 'unknown', 'pending'].map((state) => [{ status: state, ...labels }, state === (status?.state ?? 'unknown') ? 1 : 0])
}

const seconds = (time: string | undefined): number => (time === undefined ? 0 : Date.parse(time) / 1000)
