import { Secret } from '@idp/api'
import type { Client } from '@idp/client'
import { getIfExists } from '@idp/controller'
import type { Clock } from '@idp/kit'
import { createCa, issueCertificate, parseCertificate, type KeyPair } from '@idp/pki'

const day = 86_400_000
const caDays = 365
const leafDays = 150

/** The CA that the webhooks are called with, and a serving certificate signed by it. */
export interface ServingCertificate { readonly ca: string; readonly identity: KeyPair }

/** Reads or makes the CA in a Secret named as upstream's, so that a restart keeps it, and issues a certificate for the Service. */
export async function servingCertificate(client: Client, clock: Clock, { namespace, service }: { readonly namespace: string; readonly service: string }): Promise<ServingCertificate> {
  const host = `${service}.${namespace}.svc`
  const name = `${host}.kyverno-tls-ca`
  const found = await getIfExists(client, Secret, name, namespace)
  const held = keyPairIn(found)
  const usable = held !== undefined && parseCertificate(held.cert).notAfter - clock.now() > (caDays * day) / 3
  const ca = usable ? held : await createCa({ subject: { commonName: `*.${namespace}.svc` }, now: clock.now(), days: caDays })
  if (!usable) {
    const encode = (text: string): string => Buffer.from(text).toString('base64')
    await client.apply(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'kubernetes.io/tls', data: { 'tls.crt': encode(ca.cert), 'tls.key': encode(ca.key) } }, { fieldManager: 'kyverno', force: true })
  }
  const identity = await issueCertificate({ ca, for: 'server', now: clock.now(), days: leafDays, dnsNames: [host, `${service}.${namespace}`, service, `${host}.cluster.local`] })
  return { ca: ca.cert, identity }
}

function keyPairIn(secret: Secret | undefined): KeyPair | undefined {
  const decode = (key: string): string | undefined => (secret?.data?.[key] === undefined ? undefined : Buffer.from(secret.data[key], 'base64').toString())
  const [cert, key] = [decode('tls.crt'), decode('tls.key')]
  return cert === undefined || key === undefined ? undefined : { cert, key }
}
