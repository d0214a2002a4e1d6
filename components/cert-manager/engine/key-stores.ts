import { createHash } from 'node:crypto'
import { encodeJks, encodePkcs12, encodePkcs12Trust, formatSubject, parseCertificates, parseKey, type Pkcs12Profile } from '@idp/pki'
import type { Certificate } from '../kinds/cert-manager.ts'

type Spec = Certificate['spec']
export type Passwords = Readonly<Partial<Record<'jks' | 'pkcs12', string>>>

/** Key stores that are asked for, and where their passwords are. */
export function passwordRefs({ keystores }: Spec): { readonly store: 'jks' | 'pkcs12'; readonly password: string; readonly ref: { readonly name: string; readonly key?: string } | undefined }[] {
  return (['jks', 'pkcs12'] as const).flatMap((store) => {
    const asked = keystores?.[store]
    if (asked?.create !== true) return []
    const ref = (asked.passwordSecretRef?.name ?? '') === '' ? undefined : asked.passwordSecretRef
    return [{ store, password: asked.password ?? '', ref }]
  })
}

/** Entries of the Secret for Java and its like: `keystore.jks`, `truststore.jks`, `keystore.p12`, `truststore.p12`. @param chain PEM, leaf first */
export function keyStores({ keystores }: Spec, { chain, ca, key }: { readonly chain: string; readonly ca: string | undefined; readonly key: string }, passwords: Passwords): Record<string, Buffer> {
  if (passwords.jks === undefined && passwords.pkcs12 === undefined) return {}
  const all = parseCertificates(chain)
  const authorities = ca === undefined ? [] : parseCertificates(ca)
  const parsed = parseKey(key)
  const made: Record<string, Buffer> = {}
  if (passwords.jks !== undefined) {
    const options = { password: passwords.jks, date: all[0]?.notBefore ?? 0 }
    const trusted = authorities.map(({ der }, i) => ({ name: i === 0 ? 'ca' : `ca-${i}`, certificate: der }))
    made['keystore.jks'] = encodeJks([{ name: keystores?.jks?.alias ?? 'certificate', key: parsed, certificates: all.map(({ der }) => der) }, ...trusted], { ...options, random: saltsFor('keystore.jks', key, chain, passwords.jks) })
    if (trusted.length > 0) made['truststore.jks'] = encodeJks(trusted, options)
  }
  if (passwords.pkcs12 !== undefined) {
    const options = { password: passwords.pkcs12, profile: (keystores?.pkcs12?.profile as Pkcs12Profile | undefined) ?? 'LegacyRC2' }
    made['keystore.p12'] = encodePkcs12({ key: parsed, certificates: [...all, ...authorities].map(({ der }) => der) }, { ...options, random: saltsFor('keystore.p12', key, chain, options.password) })
    if (authorities.length > 0) made['truststore.p12'] = encodePkcs12Trust(authorities.map(({ der, subject }) => ({ name: formatSubject(subject), certificate: der })), { ...options, random: saltsFor('truststore.p12', key, ca ?? '', options.password) })
  }
  return made
}

/** Salts that follow from what is stored, all of it secret: the same content gives the same file, so that a Secret that is up to date can be told. */
export function saltsFor(...parts: readonly string[]): (count: number) => Uint8Array {
  let block = createHash('sha256').update(JSON.stringify(parts)).digest()
  return (count) => {
    let out = Buffer.alloc(0)
    while (out.length < count) {
      block = createHash('sha256').update(block).digest()
      out = Buffer.concat([out, block])
    }
    return out.subarray(0, count)
  }
}
