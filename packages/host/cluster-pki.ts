import { join } from 'node:path'
import type { Clock, Random } from '@idp/kit'
import { createCa, exportKey, generateKey, issueCertificate, parseCertificate, type KeyPair } from '@idp/pki'
import { readPrivate, writePrivate } from './private-files.ts'

/** The keys of a cluster. Made once, then read. */
export interface ClusterPki {
  readonly ca: KeyPair
  /** Signs ServiceAccount tokens; PEM. */
  readonly serviceAccountKey: string
  /** 32 bytes: Secrets are encrypted with it on disk. */
  readonly encryptionKey: Uint8Array
  /** The API server's serving certificate. */
  readonly apiServer: KeyPair
  /** The administrator's client certificate: group `system:masters`. */
  readonly admin: KeyPair
  /** A serving certificate for names and addresses; the same key pair for the same names. */
  serving(names: readonly string[]): Promise<KeyPair>
}

export interface PkiOptions {
  readonly directory: string
  readonly clusterName: string
  readonly clock: Clock
  readonly random: Random
  readonly apiNames: readonly string[]
}

const caDays = 3_650
const leafDays = 365
const renewBeforeMs = 30 * 86_400_000

/** Reads the cluster's keys, makes those that are missing, renews certificates that end within 30 days. Files have mode 0600. */
export async function openPki(options: PkiOptions): Promise<ClusterPki> {
  const { directory, clusterName, clock, random } = options
  const now = clock.now()
  const ca = await pair(join(directory, 'ca'), now, () => createCa({ subject: { commonName: `${clusterName} idp CA` }, now, days: caDays, random }))
  const issue = (names: readonly string[], more: Partial<Parameters<typeof issueCertificate>[0]>) => issueCertificate({
    ca, now: clock.now(), days: leafDays, random, for: 'server', ...split(names), ...more,
  })
  const [serviceAccountKey, encryptionKey, apiServer, admin] = await Promise.all([
    kept(join(directory, 'service-account.key'), async () => exportKey(await generateKey())),
    kept(join(directory, 'encryption.key'), async () => Buffer.from(random(32)).toString('base64')),
    pair(join(directory, 'api-server'), now, () => issue(options.apiNames, { subject: { commonName: 'kube-apiserver' } }), ca),
    pair(join(directory, 'admin'), now, () => issue([], { subject: { commonName: 'kubernetes-admin', organizations: ['system:masters'] }, for: 'client' }), ca),
  ])
  const served = new Map<string, Promise<KeyPair>>()
  return {
    ca, serviceAccountKey, encryptionKey: Buffer.from(encryptionKey, 'base64'), apiServer, admin,
    serving(names) {
      const key = names.join(',')
      const known = served.get(key) ?? issue(names, { subject: { commonName: names[0] ?? '' } })
      served.set(key, known)
      return known
    },
  }
}

async function pair(base: string, now: number, make: () => Promise<KeyPair>, ca?: KeyPair): Promise<KeyPair> {
  const [cert, key] = await Promise.all([readPrivate(`${base}.crt`), readPrivate(`${base}.key`)])
  if (cert !== undefined && key !== undefined && isUsable(cert, now, ca)) return { cert, key }
  const made = await make()
  await Promise.all([writePrivate(`${base}.key`, made.key), writePrivate(`${base}.crt`, made.cert)])
  return made
}

function isUsable(cert: string, now: number, ca: KeyPair | undefined): boolean {
  const { notAfter, rawIssuer } = parseCertificate(cert)
  if (ca === undefined) return true // A CA is never replaced silently: everything trusts it.
  return now < notAfter - renewBeforeMs && rawIssuer.equals(parseCertificate(ca.cert).rawSubject)
}

async function kept(file: string, make: () => Promise<string>): Promise<string> {
  const found = await readPrivate(file)
  if (found !== undefined) return found
  const made = await make()
  await writePrivate(file, made)
  return made
}

function split(names: readonly string[]): { dnsNames: string[]; ipAddresses: string[] } {
  const isAddress = (name: string) => /^[\d.]+$|:/.test(name)
  return { dnsNames: names.filter((n) => !isAddress(n)), ipAddresses: names.filter(isAddress) }
}
