import { createCa, issueCertificate, type KeyPair } from '@idp/pki'

/** A CA and what it signs, for tests only. */
export interface TestCertificates {
  readonly ca: KeyPair
  /** A serving certificate for these names (DNS names and addresses). */
  server(...names: string[]): Promise<KeyPair>
  client(commonName: string, ...organizations: string[]): Promise<KeyPair>
}

export async function testCertificates(now: number): Promise<TestCertificates> {
  const ca = await createCa({ subject: { commonName: 'test CA' }, now, days: 10 })
  return {
    ca,
    server: (...names) => issueCertificate({
      ca, now, days: 1, for: 'server', subject: { commonName: names[0] ?? '' },
      dnsNames: names.filter((n) => !/^[\d.]+$/.test(n)), ipAddresses: names.filter((n) => /^[\d.]+$/.test(n)),
    }),
    client: (commonName, ...organizations) => issueCertificate({ ca, now, days: 1, for: 'client', subject: { commonName, organizations } }),
  }
}
