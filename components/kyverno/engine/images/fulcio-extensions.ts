import { CodedError } from '@idp/kit'

/** Certificate extensions of Sigstore's CA by the names that policies use, with the arcs below 1.3.6.1.4.1.57264.1. */
const names: Readonly<Record<string, readonly number[]>> = {
  issuer: [8, 1], githubWorkflowTrigger: [2], githubWorkflowSha: [3], githubWorkflowName: [4], githubWorkflowRepository: [5], githubWorkflowRef: [6],
  buildSignerURI: [9], buildSignerDigest: [10], runnerEnvironment: [11], sourceRepositoryURI: [12], sourceRepositoryDigest: [13], sourceRepositoryRef: [14], sourceRepositoryIdentifier: [15], sourceRepositoryOwnerURI: [16], sourceRepositoryOwnerIdentifier: [17],
  buildConfigURI: [18], buildConfigDigest: [19], buildTrigger: [20], runInvocationURI: [21], sourceRepositoryVisibilityAtSigning: [22],
}
const root = '1.3.6.1.4.1.57264.1'

interface Element { readonly tag: number; readonly start: number; readonly end: number }

/** The extension values of a certificate by what policies call them: `issuer`, `githubWorkflowRepository`, …, and by their identifier. Texts of the first seven are bare, later ones DER (see Sigstore's OID list). */
export function fulcioExtensions(der: Buffer): ReadonlyMap<string, string> {
  const byOid = new Map<string, string>()
  for (const { oid, value } of extensionsOf(der)) {
    if (!oid.startsWith(`${root}.`)) continue
    byOid.set(oid, Number(oid.slice(root.length + 1)) <= 7 ? value.toString() : textOf(value))
  }
  for (const [name, arcs] of Object.entries(names)) {
    const found = arcs.map((arc) => byOid.get(`${root}.${arc}`)).find((value) => value !== undefined)
    if (found !== undefined) byOid.set(name, found)
  }
  return byOid
}

function textOf(value: Buffer): string {
  const { tag, start, end } = readElement(value, 0)
  return tag === 0x0c || tag === 0x13 || tag === 0x16 ? value.subarray(start, end).toString() : value.toString()
}

function extensionsOf(der: Buffer): { readonly oid: string; readonly value: Buffer }[] {
  const certificate = readElement(der, 0)
  const body = readElement(der, certificate.start)
  const holder = childrenOf(der, body).find(({ tag }) => tag === 0xa3)
  if (holder === undefined) return []
  const list = readElement(der, holder.start)
  return childrenOf(der, list).flatMap((one) => {
    const parts = childrenOf(der, one)
    const [id, value] = [parts[0], parts.at(-1)]
    return id === undefined || value === undefined ? [] : [{ oid: oidOf(der.subarray(id.start, id.end)), value: der.subarray(value.start, value.end) }]
  })
}

function childrenOf(der: Buffer, { start, end }: Element): Element[] {
  const found: Element[] = []
  for (let at = start; at < end;) {
    const one = readElement(der, at)
    found.push(one)
    at = one.end
  }
  return found
}

function readElement(der: Buffer, at: number): Element {
  const [tag, first] = [der[at], der[at + 1]]
  const long = first !== undefined && first > 0x80 ? first & 0x7f : 0
  if (tag === undefined || first === undefined || long > 4) throw new CodedError({ code: 'InvalidCertificate', message: 'the certificate is not DER' })
  const length = long === 0 ? first : der.readUIntBE(at + 2, long)
  const start = at + 2 + long
  if (start + length > der.length) throw new CodedError({ code: 'InvalidCertificate', message: 'the certificate ends early' })
  return { tag, start, end: start + length }
}

function oidOf(bytes: Buffer): string {
  const arcs: number[] = []
  let value = 0
  for (const byte of bytes) {
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) {
      arcs.push(value)
      value = 0
    }
  }
  const [first = 0, ...rest] = arcs
  const top = Math.min(2, Math.floor(first / 40))
  return [top, first - top * 40, ...rest].join('.')
}
