import { createPublicKey, createPrivateKey, privateDecrypt, constants, type JsonWebKey } from 'node:crypto'
import { formatYaml, parseYaml } from '@idp/formats'
import { bytesOf, fn, fromJson, GoError, sprigFunctions, stringOf, toJson, type FunctionTable, type GoFunction } from '@idp/lang-gotemplate'
import type { Random } from '@idp/kit'
import { decodePem, encodePkcs12, encodePkcs12Trust, parseKey } from '@idp/pki'

/** Sprig, and the functions External Secrets adds (https://external-secrets.io/latest/guides/templating/). Reading PKCS#12 and `getSecretKey` are refused by name. */
export function templateFunctions(options: { readonly random: Random; now(): number }): FunctionTable {
  return new Map<string, GoFunction>([...sprigFunctions({ random: options.random, now: () => options.now() }), ...own, ...keyStores(options.random), ...refused])
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

const refused = ['pkcs12key', 'pkcs12keyPass', 'pkcs12cert', 'pkcs12certPass', 'getSecretKey'].map((name) => [name, fn('...any', () => {
  throw new GoError(`${name} is not supported by this stand-in`)
})] as const)

/** PKCS#12 files in base64: a key with its certificate, with all of its chain, or certificates to trust. */
function keyStores(random: Random): (readonly [string, GoFunction])[] {
  const certificates = (pem: string): Buffer[] => decodePem(pem).filter(({ label }) => label === 'CERTIFICATE').map(({ der }) => der)
  const store = (chain: readonly Buffer[], key: string, password: string): string => encoded(() => encodePkcs12({ key: parseKey(key), certificates: chain }, { password, random }))
  const trust = (pem: string, password: string): string => encoded(() => encodePkcs12Trust(certificates(pem).map((certificate, index) => ({ name: String(index), certificate })), { password, random }))
  return [
    ['pemToPkcs12', fn('string string', (cert: string, key: string) => store(certificates(cert).slice(0, 1), key, ''))],
    ['pemToPkcs12Pass', fn('string string string', (cert: string, key: string, password: string) => store(certificates(cert).slice(0, 1), key, password))],
    ['fullPemToPkcs12', fn('string string', (cert: string, key: string) => store(certificates(cert), key, ''))],
    ['fullPemToPkcs12Pass', fn('string string string', (cert: string, key: string, password: string) => store(certificates(cert), key, password))],
    ['pemTruststoreToPKCS12', fn('string', (pem: string) => trust(pem, ''))],
    ['pemTruststoreToPKCS12Pass', fn('string string', trust)],
  ]
}

function encoded(make: () => Buffer): string {
  try {
    return make().toString('base64')
  } catch {
    // The cause could quote the key.
    throw new GoError('the certificate or the key cannot be read')
  }
}

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
