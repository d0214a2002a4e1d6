import { createHash } from 'node:crypto'
import { parseCertificate } from '@idp/pki'
import type { Machine } from './machine.ts'
import { linuxSystemStore } from './linux-system-store.ts'
import { nssStores } from './nss-stores.ts'
import { macKeychain, windowsStore } from './other-stores.ts'
import type { Authority, Outcome, TrustStore } from './trust-store.ts'

/** What is remembered of a cluster's CA: `trust.json` beside its record. */
export interface TrustRecord { readonly format: 1; readonly fingerprint: string; readonly pem: string; readonly stores: readonly string[] }

export interface StoreReport { readonly id: string; readonly audience: string; readonly outcome: Outcome | { readonly done: true; readonly already: true } }

/** The stores that there are on a machine. */
export async function trustStores(machine: Machine): Promise<TrustStore[]> {
  if (machine.platform === 'darwin') return [macKeychain(machine)]
  if (machine.platform === 'win32') return [windowsStore(machine)]
  const system = await linuxSystemStore(machine)
  return [...await nssStores(machine), ...(system === undefined ? [] : [system])]
}

/** @throws CodedError `InvalidCertificate` */
export function authorityOf(cluster: string, pem: string, file: string): Authority {
  const { der, fingerprint, pem: only } = parseCertificate(pem)
  return { cluster, pem: only, file, fingerprint, sha1: createHash('sha1').update(der).digest('hex') }
}

/** Puts a CA into every store; one that is remembered there is left alone, another one of the same cluster is taken out first. */
export async function addTrust(machine: Machine, authority: Authority, record: TrustRecord | undefined): Promise<{ readonly reports: readonly StoreReport[]; readonly record: TrustRecord }> {
  const same = record?.fingerprint === authority.fingerprint
  const before = record === undefined || same ? [] : (await removeTrust(machine, authorityOf(authority.cluster, record.pem, authority.file), record)).reports
  await machine.write(authority.file, authority.pem)
  const known = same ? record.stores : []
  const reports: StoreReport[] = before.filter(({ outcome }) => !outcome.done).map((report) => ({ ...report, id: `${report.id} before`, audience: `${report.audience} (the CA before this one is still trusted there)` }))
  for (const store of await trustStores(machine)) {
    const there = known.includes(store.id) || (await store.holds?.(authority) === true && same)
    reports.push({ id: store.id, audience: store.audience, outcome: there ? { done: true, already: true } : await store.add(authority) })
  }
  return { reports, record: { format: 1, fingerprint: authority.fingerprint, pem: authority.pem, stores: reports.filter(({ outcome }) => outcome.done).map(({ id }) => id) } }
}

/** Takes it out of every store where it was put; undefined as record when nothing is left. */
export async function removeTrust(machine: Machine, authority: Authority, record: TrustRecord): Promise<{ readonly reports: readonly StoreReport[]; readonly record: TrustRecord | undefined }> {
  const reports: StoreReport[] = []
  for (const store of await trustStores(machine)) {
    if (!record.stores.includes(store.id) && await store.holds?.(authority) !== true) continue
    reports.push({ id: store.id, audience: store.audience, outcome: await store.remove(authority) })
  }
  const left = reports.filter(({ outcome }) => !outcome.done).map(({ id }) => id)
  return { reports, record: left.length === 0 ? undefined : { ...record, stores: left } }
}
