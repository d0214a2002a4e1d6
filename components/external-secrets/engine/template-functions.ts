import { createPublicKey, createPrivateKey, privateDecrypt, constants, type JsonWebKey } from 'node:crypto'
import { formatYaml, parseYaml } from '@idp/formats'
import { bytesOf, fn, fromJson, GoError, sprigFunctions, stringOf, toJson, type FunctionTable, type GoFunction } from '@idp/lang-gotemplate'
import type { Random } from '@idp/kit'
import { decodePem } from '@idp/pki'

/** Sprig, and the functions External Secrets adds (https://external-secrets.io/latest/guides/templating/). The PKCS#12 family is refused by name. */
export function templateFunctions(options: { readonly random: Random; now(): number }): FunctionTable {
  return new Map<string, GoFunction>([...sprigFunctions({ random: options.random, now: () => options.now() }), ...own, ...refused])
}

const blocks = (pem: string): string[] => pem.match(/-----BEGIN ([^-]+)-----[\s\S]*?-----END \1-----/g)?.map((block) => `${block}\n`) ?? []

const own: readonly (readonly [string, GoFunction])[] = [
  ['toYaml', fn('any', (value: unknown) => formatYaml(JSON.parse(toJson(value))).replace(/\n$/, ''))],
  ['fromYaml', fn('string', (text: string) => fromJson(JSON.stringify(parseYaml(text))))],
  ['filterPEM', fn('string string', (type: string, pem: string) => blocks(pem).filter((block) => block.startsWith(`-----BEGIN ${type}-----`)).join(''))],
  ['filterCertChain', fn('string string', filterCertChain)],
  ['jwkPublicKeyPem', fn('string', (jwk: string) => keyPem(() => createPublicKey({ key: fromJson(jwk) as JsonWebKey, format: 'jwk' }).export({ type: 'spki', format: 'pem' })))],
  ['jwkPrivateKeyPem', fn('string', (jwk: string) => keyPem(() => createPrivateKey({ key: fromJson(jwk) as JsonWebKey, format: 'jwk' }).export({ type: 'pkcs8', format: 'pem' })))],
  ['rsaDecrypt', fn('string string string string', rsaDecrypt)],
]

const pkcs12 = ['pkcs12key', 'pkcs12keyPass', 'pkcs12cert', 'pkcs12certPass', 'pemToPkcs12', 'pemToPkcs12Pass', 'fullPemToPkcs12', 'fullPemToPkcs12Pass', 'pemTruststoreToPKCS12', 'pemTruststoreToPKCS12Pass', 'getSecretKey']
const refused = pkcs12.map((name) => [name, fn('...any', () => {
  throw new GoError(`${name} is not supported by this stand-in`)
})] as const)

function keyPem(make: () => string | Buffer): string {
  try {
    return make().toString()
  } catch {
    throw new GoError('unable to parse the JSON Web Key')
  }
}

/** One part of a chain: `leaf`, `intermediate` or `root`, by who signs whom. */
function filterCertChain(part: string, pem: string): string {
  if (decodePem(pem).length === 0) return ''
  const certificates = blocks(pem).filter((block) => block.startsWith('-----BEGIN CERTIFICATE-----'))
  const position = (index: number): string => (index === 0 ? 'leaf' : index === certificates.length - 1 ? 'root' : 'intermediate')
  if (!['leaf', 'intermediate', 'root'].includes(part)) throw new GoError(`unknown certificate type ${part}`)
  return certificates.filter((_block, index) => position(index) === part).join('')
}

function rsaDecrypt(scheme: string, hash: string, cipher: string, key: string): string {
  if (scheme !== 'RSA-OAEP') throw new GoError(`padding scheme ${scheme} is not supported by this stand-in`)
  try {
    return stringOf(privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash.toLowerCase() }, bytesOf(cipher)))
  } catch {
    throw new GoError('rsaDecrypt: the value cannot be decrypted')
  }
}
