import { createHash, X509Certificate } from 'node:crypto'
import { RE2JS } from 're2js'
import { addQuantities, formatQuantity, parseQuantity, parseYaml, subtractQuantities, type Json, type Quantity } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { ambient } from './ambient.ts'
import { parseImage } from './image-reference.ts'
import { randomText } from './random-text.ts'
import { timeFunctions } from './time-functions.ts'

type ArgumentType = 'any' | 'number' | 'string' | 'any?' | 'number?' | 'string?'
/** A function as JMESPath calls it; arguments have been checked against `args`. */
export interface JmesFunction { readonly args: readonly ArgumentType[]; readonly run: (args: readonly Json[]) => Json }

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value))
const number = (value: Json | undefined): number => Number(value ?? 0)
const record = (value: Json | undefined): Record<string, Json> => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {})

/** Wildcards of Kyverno: `*` any characters, `?` exactly one. Linear in the text for every pattern. */
export function matchesWildcard(pattern: string, value: string): boolean {
  let [p, v, star, mark] = [0, 0, -1, 0]
  while (v < value.length) {
    if (pattern[p] === '?' || (pattern[p] === value[v] && pattern[p] !== '*')) {
      p++
      v++
    } else if (pattern[p] === '*') {
      star = p++
      mark = v
    } else if (star >= 0) {
      p = star + 1
      v = ++mark
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

/** Numbers stay numbers; with a quantity on either side the result is one: `add('1Gi', '512Mi')`. */
function arithmetic(numbers: (a: number, b: number) => number, quantities: (a: Quantity, b: Quantity) => Quantity | number): JmesFunction['run'] {
  return ([a, b]) => {
    if (typeof a === 'number' && typeof b === 'number') return numbers(a, b)
    const result = quantities(parseQuantity(text(a)), parseQuantity(text(b)))
    return typeof result === 'number' ? result : formatQuantity(result)
  }
}

function replaceLiteral(pattern: string, subject: string, to: string): string {
  const matcher = RE2JS.compile(pattern).matcher(subject)
  let [made, end] = ['', 0]
  while (matcher.find()) {
    made += subject.slice(end, matcher.start()) + to
    end = matcher.end()
  }
  return made + subject.slice(end)
}

const billion = 1_000_000_000n

/** Functions that Kyverno adds to JMESPath, by name. */
export const functions: Readonly<Record<string, JmesFunction>> = {
  ...timeFunctions,
  compare: { args: ['string', 'string'], run: ([a, b]) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0) },
  replace: {
    args: ['string', 'string', 'string', 'number'],
    run: ([s, old, fresh, count]) => {
      const parts = text(s).split(text(old))
      const times = number(count) < 0 ? parts.length : number(count)
      return parts.reduce((made, part, index) => (index === 0 ? part : `${made}${index <= times ? text(fresh) : text(old)}${part}`), '')
    },
  },
  split: { args: ['string', 'string'], run: ([s, by]) => text(s).split(text(by)) },
  trim: {
    args: ['string', 'string'],
    run: ([s, set]) => {
      const [cut, chars] = [new Set(text(set)), [...text(s)]]
      let [from, to] = [0, chars.length]
      while (from < to && cut.has(chars[from] ?? '')) from++
      while (to > from && cut.has(chars[to - 1] ?? '')) to--
      return chars.slice(from, to).join('')
    },
  },
  items: {
    args: ['any', 'string', 'string'],
    run: ([collection, keyName, valueName]) => (Array.isArray(collection) ? collection.map((value, index): [Json, Json] => [index, value]) : Object.entries(record(collection)).sort(([a], [b]) => (a < b ? -1 : 1)))
      .map(([key, value]) => ({ [text(keyName)]: key, [text(valueName)]: value })),
  },
  sum: { args: ['any'], run: ([list]) => ((list ?? []) as Json[]).reduce<Json>((total, one, index) => (index === 0 ? one : arithmetic((a, b) => a + b, addQuantities)([total, one])), 0) },
  round: { args: ['number', 'number'], run: ([value, digits]) => Math.round(number(value) * 10 ** number(digits)) / 10 ** number(digits) },
  parse_yaml: { args: ['string'], run: ([s]) => parseYaml(text(s)) },
  random: { args: ['string'], run: ([pattern]) => randomText(text(pattern), ambient.random()) },
  sha1: { args: ['string'], run: ([s]) => createHash('sha1').update(text(s)).digest('hex') },
  md5: { args: ['string'], run: ([s]) => createHash('md5').update(text(s)).digest('hex') },
  image_normalize: {
    args: ['string'],
    run: ([s]) => {
      const image = parseImage(text(s))
      if (image === undefined) throw new CodedError({ code: 'InvalidImage', message: `bad image: ${text(s)}`, where: text(s) })
      return image.reference
    },
  },
  is_external_url: { args: ['string'], run: ([s]) => isExternal(text(s)) },
  x509_decode: { args: ['string'], run: ([s]) => certificateFields(text(s)) },
  to_upper: { args: ['string'], run: ([s]) => text(s).toUpperCase() },
  to_lower: { args: ['string'], run: ([s]) => text(s).toLowerCase() },
  trim_prefix: { args: ['string', 'string'], run: ([s, prefix]) => (text(s).startsWith(text(prefix)) ? text(s).slice(text(prefix).length) : text(s)) },
  replace_all: { args: ['string', 'string', 'string'], run: ([s, old, fresh]) => text(s).replaceAll(text(old), text(fresh)) },
  truncate: { args: ['string', 'number'], run: ([s, length]) => text(s).slice(0, Math.max(0, number(length))) },
  equal_fold: { args: ['string', 'string'], run: ([a, b]) => text(a).toLowerCase() === text(b).toLowerCase() },
  regex_match: { args: ['string', 'any'], run: ([pattern, s]) => RE2JS.compile(text(pattern)).matcher(text(s)).find() },
  regex_replace_all: { args: ['string', 'any', 'any'], run: ([pattern, s, to]) => RE2JS.compile(text(pattern)).matcher(text(s)).replaceAll(text(to)) },
  regex_replace_all_literal: { args: ['string', 'any', 'any'], run: ([pattern, s, to]) => replaceLiteral(text(pattern), text(s), text(to)) },
  pattern_match: { args: ['string', 'any'], run: ([pattern, s]) => matchesWildcard(text(pattern), text(s)) },
  label_match: { args: ['any', 'any'], run: ([wanted, have]) => Object.entries(record(wanted)).every(([key, value]) => record(have)[key] === value) },
  base64_encode: { args: ['string'], run: ([s]) => Buffer.from(text(s)).toString('base64') },
  base64_decode: { args: ['string'], run: ([s]) => Buffer.from(text(s), 'base64').toString() },
  sha256: { args: ['string'], run: ([s]) => createHash('sha256').update(text(s)).digest('hex') },
  parse_json: { args: ['string'], run: ([s]) => JSON.parse(text(s)) as Json },
  to_boolean: { args: ['string'], run: ([s]) => text(s).toLowerCase() === 'true' },
  object_from_lists: { args: ['any', 'any'], run: ([keys, values]) => Object.fromEntries(((keys ?? []) as Json[]).map((key, index) => [text(key), ((values ?? []) as Json[])[index] ?? null])) },
  lookup: { args: ['any', 'any'], run: ([collection, key]) => (Array.isArray(collection) ? collection[number(key)] ?? null : record(collection)[text(key)] ?? null) },
  add: { args: ['any', 'any'], run: arithmetic((a, b) => a + b, addQuantities) },
  subtract: { args: ['any', 'any'], run: arithmetic((a, b) => a - b, subtractQuantities) },
  multiply: { args: ['any', 'any'], run: arithmetic((a, b) => a * b, (a, b) => ({ nano: (a.nano * b.nano) / billion, format: a.format })) },
  divide: { args: ['any', 'any'], run: arithmetic((a, b) => a / b, (a, b) => Number(a.nano) / Number(b.nano)) },
  modulo: { args: ['any', 'any'], run: arithmetic((a, b) => a % b, (a, b) => ({ nano: a.nano % b.nano, format: a.format })) },
  path_canonicalize: { args: ['string'], run: ([s]) => text(s).replaceAll(/\/+/g, '/') },
  semver_compare: {
    args: ['string', 'string'],
    run: ([version, range]) => {
      return text(range).split('||').some((option) => option.trim().split(/[\s,]+(?=[<>=!\d])/).every((one) => satisfies(text(version), one)))
    },
  },
}

/** False for this machine's and private addresses and for names of the cluster; other names count as external (nothing is resolved). */
function isExternal(url: string): boolean {
  const { hostname } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  if (host === 'localhost' || host.endsWith('.localhost') || host.endsWith('.svc') || host.endsWith('.cluster.local')) return false
  return !/^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|0\.|::1$|f[cd][0-9a-f]{2}:|fe80:)/i.test(host)
}

/** The main fields of a certificate by the names that Go gives them. */
function certificateFields(pem: string): Json {
  const certificate = new X509Certificate(pem)
  const key = certificate.publicKey.export({ format: 'jwk' })
  const name = (given: string): Json => {
    const parts = new Map(given.split('\n').map((line) => line.split('=') as [string, string]))
    const list = (field: string): Json => (parts.has(field) ? [parts.get(field) ?? ''] : null)
    return { CommonName: parts.get('CN') ?? '', Country: list('C'), Organization: list('O'), OrganizationalUnit: list('OU'), Locality: list('L'), Province: list('ST') }
  }
  const time = (given: string): string => new Date(given).toISOString().replace('.000Z', 'Z')
  return {
    Subject: name(certificate.subject), Issuer: name(certificate.issuer), NotBefore: time(certificate.validFrom), NotAfter: time(certificate.validTo), SerialNumber: BigInt(`0x${certificate.serialNumber}`).toString(), IsCA: certificate.ca,
    DNSNames: (certificate.subjectAltName ?? '').split(', ').flatMap((one) => (one.startsWith('DNS:') ? [one.slice(4)] : [])),
    PublicKey: key.kty === 'RSA' ? { N: BigInt(`0x${Buffer.from(String(key.n), 'base64url').toString('hex')}`).toString(), E: Number(BigInt(`0x${Buffer.from(String(key.e), 'base64url').toString('hex')}`)) } : { Curve: String(key.crv ?? '') },
  }
}

/** One comparison of a version range: `>=1.2.3`, `!1.0.0`, `1.x`. Parts that are left out or `x` match any. */
function satisfies(version: string, comparison: string): boolean {
  const [, operator = '', wanted = ''] = /^(>=|<=|>|<|==|=|!=|!)?\s*v?(.*)$/.exec(comparison) ?? []
  const read = (value: string): { readonly numbers: readonly (number | undefined)[]; readonly pre: string } => {
    const [core = '', pre = ''] = value.replace(/^v/, '').replace(/\+.*$/, '').split(/-(.*)/s)
    return { numbers: core.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : undefined)), pre }
  }
  const [a, b] = [read(version), read(wanted)]
  let order = 0
  for (const index of [0, 1, 2]) {
    const [left, right] = [a.numbers[index] ?? 0, b.numbers[index]]
    if (right === undefined && b.numbers.length > index) return operator !== '!' && operator !== '!='
    if (order === 0) order = left - (right ?? 0)
  }
  // A pre-release comes before its release.
  if (order === 0 && a.pre !== b.pre) order = a.pre === '' ? 1 : b.pre === '' ? -1 : a.pre < b.pre ? -1 : 1
  return { '>=': order >= 0, '<=': order <= 0, '>': order > 0, '<': order < 0, '!=': order !== 0, '!': order !== 0 }[operator] ?? order === 0
}
