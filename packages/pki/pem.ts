import { CodedError } from '@idp/kit'

/** One block of a PEM text (RFC 7468). */
export interface PemBlock { readonly label: string; readonly der: Buffer }

export function encodePem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** All blocks of a text, in order; text between them is ignored. @throws CodedError `InvalidPem` for a block that does not end or is not base64 */
export function decodePem(text: string): PemBlock[] {
  const blocks: PemBlock[] = []
  const begin = /-----BEGIN ([A-Z0-9 ]+)-----/g
  for (let match = begin.exec(text); match !== null; match = begin.exec(text)) {
    const label = match[1] ?? ''
    const line = text.slice(0, match.index).split('\n').length
    const end = text.indexOf(`-----END ${label}-----`, begin.lastIndex)
    if (end < 0) throw new CodedError({ code: 'InvalidPem', message: `the block ${label} that begins in line ${line} does not end`, where: `line ${line}` })
    const body = text.slice(begin.lastIndex, end).replace(/\s/g, '')
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(body)) throw new CodedError({ code: 'InvalidPem', message: `the block ${label} that begins in line ${line} is not base64`, where: `line ${line}` })
    blocks.push({ label, der: Buffer.from(body, 'base64') })
    begin.lastIndex = end
  }
  return blocks
}

/** Each certificate of a bundle as a PEM text of its own. */
export function splitCertificates(text: string): string[] {
  return decodePem(text).filter((block) => block.label === 'CERTIFICATE').map((block) => encodePem('CERTIFICATE', block.der))
}
