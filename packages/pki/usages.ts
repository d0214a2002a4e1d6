/** Key usages (RFC 5280 §4.2.1.3) under the names that Kubernetes gives them; the value is the bit. */
const keyUsages = {
  'digital signature': 0, 'content commitment': 1, 'key encipherment': 2, 'data encipherment': 3, 'key agreement': 4,
  'cert sign': 5, 'crl sign': 6, 'encipher only': 7, 'decipher only': 8,
} as const

/** Extended key usages; the value is the object identifier. */
const extendedKeyUsages = {
  any: '2.5.29.37.0', 'server auth': '1.3.6.1.5.5.7.3.1', 'client auth': '1.3.6.1.5.5.7.3.2', 'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4', 'ipsec end system': '1.3.6.1.5.5.7.3.5', 'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7', timestamping: '1.3.6.1.5.5.7.3.8', 'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3', 'netscape sgc': '2.16.840.1.113730.4.1',
} as const

export type KeyUsage = keyof typeof keyUsages | keyof typeof extendedKeyUsages | 'signing' | 's/mime'

const aliases: Readonly<Record<string, string>> = { signing: 'digital signature', 's/mime': 'email protection' }

/** All names, in the order in which Kubernetes documents them. */
export const allUsages: readonly KeyUsage[] = [
  'signing', 'digital signature', 'content commitment', 'key encipherment', 'key agreement', 'data encipherment', 'cert sign', 'crl sign',
  'encipher only', 'decipher only', 'any', 'server auth', 'client auth', 'code signing', 'email protection', 's/mime', 'ipsec end system',
  'ipsec tunnel', 'ipsec user', 'timestamping', 'ocsp signing', 'microsoft sgc', 'netscape sgc',
]

/** Bits and object identifiers of usages. */
export function splitUsages(usages: readonly KeyUsage[]): { bits: number[]; oids: string[] } {
  const bits = new Set<number>()
  const oids = new Set<string>()
  for (const usage of usages) {
    const name = aliases[usage] ?? usage
    if (name in keyUsages) bits.add(keyUsages[name as keyof typeof keyUsages])
    else oids.add(extendedKeyUsages[name as keyof typeof extendedKeyUsages])
  }
  return { bits: [...bits].sort((a, b) => a - b), oids: [...oids] }
}

/** The reverse; unknown bits and identifiers are left out. */
export function joinUsages(bits: readonly number[], oids: readonly string[]): KeyUsage[] {
  const named = (table: Readonly<Record<string, number | string>>, value: number | string): KeyUsage[] => Object.keys(table).filter((name) => table[name] === value) as KeyUsage[]
  return [...bits.flatMap((bit) => named(keyUsages, bit)), ...oids.flatMap((id) => named(extendedKeyUsages, id))]
}
