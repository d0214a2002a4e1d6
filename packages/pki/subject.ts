import { children, oid, readOid, readText, seq, set, text, type DerValue } from './der.ts'

/** A distinguished name. Every part but the common name and serial number may occur several times. */
export interface Subject {
  readonly commonName?: string
  readonly countries?: readonly string[]
  readonly organizations?: readonly string[]
  readonly organizationalUnits?: readonly string[]
  readonly localities?: readonly string[]
  readonly provinces?: readonly string[]
  readonly streetAddresses?: readonly string[]
  readonly postalCodes?: readonly string[]
  readonly serialNumber?: string
}

/** In the order in which they are written; `short` as in RFC 4514. */
const parts = [
  { field: 'countries', oid: '2.5.4.6', short: 'C' },
  { field: 'organizations', oid: '2.5.4.10', short: 'O' },
  { field: 'organizationalUnits', oid: '2.5.4.11', short: 'OU' },
  { field: 'localities', oid: '2.5.4.7', short: 'L' },
  { field: 'provinces', oid: '2.5.4.8', short: 'ST' },
  { field: 'streetAddresses', oid: '2.5.4.9', short: 'STREET' },
  { field: 'postalCodes', oid: '2.5.4.17', short: 'POSTALCODE' },
  { field: 'commonName', oid: '2.5.4.3', short: 'CN' },
  { field: 'serialNumber', oid: '2.5.4.5', short: 'SERIALNUMBER' },
] as const

export function encodeSubject(subject: Subject): Buffer {
  const sets: Buffer[] = []
  for (const part of parts) {
    const values = [subject[part.field] ?? []].flat()
    // Values of one kind share a set, sorted as DER wants it.
    if (values.length > 0) sets.push(set(...values.map((value) => seq(oid(part.oid), text(value))).sort(Buffer.compare)))
  }
  return seq(...sets)
}

/** Encodes a name given part by part, each its own set, e.g. `[['CN', 'x'], ['O', 'y']]`. Undefined for an unknown part. */
export function encodeNameParts(names: readonly (readonly [string, string])[]): Buffer | undefined {
  const sets: Buffer[] = []
  for (const [short, value] of names) {
    const type = parts.find((part) => part.short === short.toUpperCase())?.oid ?? extra[short.toUpperCase()] ?? (/^\d+(\.\d+)+$/.test(short) ? short : undefined)
    if (type === undefined) return undefined
    sets.push(set(seq(oid(type), text(value))))
  }
  return seq(...sets)
}

const extra: Readonly<Record<string, string>> = { DC: '0.9.2342.19200300.100.1.25', UID: '0.9.2342.19200300.100.1.1' }

export function decodeSubject(name: DerValue): Subject {
  const found: Record<string, string | string[]> = {}
  for (const relative of children(name)) {
    for (const pair of children(relative)) {
      const [type, value] = children(pair)
      const part = type === undefined ? undefined : parts.find((part) => part.oid === readOid(type))
      if (part === undefined || value === undefined) continue
      if (part.field === 'commonName' || part.field === 'serialNumber') found[part.field] = readText(value)
      else found[part.field] = [...(found[part.field] ?? []), readText(value)]
    }
  }
  return found as Subject
}

/** As `openssl` and Go print it: `CN=x,OU=y,O=z`, most specific first. */
export function formatSubject(subject: Subject): string {
  const shown: string[] = []
  for (const part of parts) for (const value of [subject[part.field] ?? []].flat()) shown.unshift(`${part.short}=${value.replace(/[,+"\\<>;]/g, '\\$&')}`)
  return shown.join(',')
}
