import { createPublicKey, createPrivateKey, privateDecrypt, constants, type JsonWebKey } from 'node:crypto'
import { formatYaml, parseYaml } from '@idp/formats'
import { bytesOf, fn, fromJson, GoError, sprigFunctions, stringOf, toJson, type FunctionTable, type GoFunction } from '@idp/lang-gotemplate'
import type { Random } from '@idp/kit'
import { decodePem, encodePkcs12, encodePkcs12Trust, parseCertificate, parseKey } from '@idp/pki'
import { readPkcs12, type Pkcs12Contents } from './read-pkcs12.ts'

/** Sprig, and the functions External Secrets adds (https://external-secrets.io/latest/guides/templating/). `getSecretKey` is refused by name. */
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
  ['pkcs12key', fn('string', (file: string) => pkcs12Key('', file))],
  ['pkcs12keyPass', fn('string string', pkcs12Key)],
  ['pkcs12cert', fn('string', (file: string) => pkcs12Certificates('', file))],
  ['pkcs12certPass', fn('string string', pkcs12Certificates)],
  ['rsaDecrypt', fn('string string string string', rsaDecrypt)],
]

const refused = ['getSecretKey'].map((name) => [name, fn('...any', () => {
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

function pkcs12Key(password: string, file: string): string {
  const { key } = pkcs12(password, file)
  if (key === undefined) throw new GoError('unable to decode pkcs12 with password: it has no key')
  return key
}

/** Leaf first, each followed by who signed it, where the certificates are one chain; else as they stand. */
function pkcs12Certificates(password: string, file: string): string {
  const all = pkcs12(password, file).certificates.map((pem) => parseCertificate(pem))
  const [leaf, ...more] = all.filter((each) => !all.some((other) => other !== each && other.rawIssuer.equals(each.rawSubject)))
  if (leaf === undefined || more.length > 0) return all.map(({ pem }) => pem).join('')
  const chain = [leaf]
  for (let next: typeof leaf | undefined = leaf; next !== undefined;) {
    const current: typeof leaf = next
    next = all.find((each) => !chain.includes(each) && each.rawSubject.equals(current.rawIssuer))
    if (next !== undefined) chain.push(next)
  }
  return (chain.length === all.length ? chain : all).map(({ pem }) => pem).join('')
}

function pkcs12(password: string, file: string): Pkcs12Contents {
  try {
    return readPkcs12(bytesOf(file), password)
  } catch (error) {
    throw new GoError(`unable to decode pkcs12 with password: ${error instanceof Error ? error.message : String(error)}`)
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
