import { isIP } from 'node:net'
import { CodedError } from '@idp/kit'
import { allUsages } from '@idp/pki'
import { acmeNames } from '../kinds/acme.ts'
import { names, type Certificate } from '../kinds/cert-manager.ts'
import { parseGoDuration } from './go-duration.ts'

type Annotations = Readonly<Record<string, string>>
type Spec = Certificate['spec']

/** The issuer that is meant when annotations ask for a certificate without naming one. */
export interface DefaultIssuer { readonly name: string; readonly kind: string; readonly group: string }

const prefix = 'cert-manager.io/'
const invalid = (name: string, why: string): CodedError => new CodedError({ code: 'InvalidAnnotation', message: `invalid ingress annotation "${prefix}${name}": ${why}` })

/** Which issuer annotations ask for; undefined when they ask for none. @throws CodedError `InvalidAnnotation` for a contradiction */
export function issuerFrom(annotations: Annotations, fallback: DefaultIssuer): Spec['issuerRef'] | undefined {
  const [issuer, cluster, kind, group] = [annotations[names.issuer], annotations[names.clusterIssuer], annotations[names.issuerKind], annotations[names.issuerGroup]]
  if (issuer === undefined && cluster === undefined && !/^(true|1|t)$/i.test(annotations['kubernetes.io/tls-acme'] ?? '')) return undefined
  const clashes = cluster === undefined ? [] : [[issuer, names.issuer], [group, names.issuerGroup], [kind, names.issuerKind]].filter(([value]) => value !== undefined).map(([, name]) => `both "${names.clusterIssuer}" and "${name ?? ''}" may not be set`)
  if (clashes.length > 0) throw new CodedError({ code: 'InvalidAnnotation', message: `Could not determine issuer for ingress due to bad annotations: ${clashes.join(', ')}` })
  const name = issuer ?? cluster ?? fallback.name
  if (name === '') throw new CodedError({ code: 'InvalidAnnotation', message: 'Could not determine issuer for ingress due to bad annotations: failed to determine issuer name to be used for ingress resource' })
  if (cluster !== undefined) return { name, kind: 'ClusterIssuer', group: 'cert-manager.io' }
  return { name, kind: kind ?? (issuer === undefined ? fallback.kind : 'Issuer'), group: group ?? (issuer === undefined ? fallback.group : 'cert-manager.io') }
}

/** Fields of the Certificate that annotations set. `dnsNames` and `ipAddresses` come on top of those of the listeners. @throws CodedError `InvalidAnnotation` */
export function specFrom(annotations: Annotations): Partial<Spec> {
  const text = (name: string): string | undefined => annotations[prefix + name]
  const list = (name: string): string[] | undefined => text(name)?.split(',').map((part) => part.trim()).filter((part) => part !== '')
  const commonName = text('common-name')
  if ((commonName ?? '').length > 64) throw invalid('common-name', 'common name may not be more than 64 bytes')
  for (const address of list('ip-sans') ?? []) if (isIP(address) === 0) throw invalid('ip-sans', `"${address}" is not a valid IP address`)
  for (const email of list('email-sans') ?? []) if (!/^[^\s@<>]+@[^\s@<>]+$/.test(email)) throw invalid('email-sans', `"${email}" is not a valid email address`)
  for (const usage of list('usages') ?? []) if (!(allUsages as readonly string[]).includes(usage)) throw invalid('usages', `invalid key usage name "${usage}"`)
  const fields = {
    commonName, duration: duration(text('duration'), 'duration', 3_600_000, '1h0m0s'), renewBefore: duration(text('renew-before'), 'renew-before', 300_000, '5m0s'),
    renewBeforePercentage: whole(text('renew-before-percentage'), 'renew-before-percentage'), usages: list('usages'), emailAddresses: list('email-sans'), dnsNames: list('alt-names'), ipAddresses: list('ip-sans'), uris: list('uri-sans'),
    revisionHistoryLimit: historyLimit(text('revision-history-limit')), privateKey: keyFrom(text), subject: subjectFrom(text), secretTemplate: templateFrom(text('secret-template')),
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && (!Array.isArray(value) || value.length > 0))) as Partial<Spec>
}

/** Annotations of the Certificate, by which an ACME solver finds the Ingress. @param ingress its name */
export function annotationsFrom(annotations: Annotations, ingress: string): Record<string, string> {
  const [className, ingressClassName] = [annotations['acme.cert-manager.io/http01-ingress-class'], annotations['acme.cert-manager.io/http01-ingress-ingressclassname']]
  return {
    ...(annotations[acmeNames.editInPlace] === 'true' ? { [acmeNames.ingressName]: ingress, [names.temporary]: 'true' } : {}),
    ...((className ?? '') === '' ? {} : { [acmeNames.ingressClass]: className ?? '' }), ...((ingressClassName ?? '') === '' ? {} : { [acmeNames.ingressClassName]: ingressClassName ?? '' }),
  }
}

function duration(value: string | undefined, name: string, least: number, shown: string): string | undefined {
  if (value === undefined) return undefined
  const ms = parseGoDuration(value)
  if (ms === undefined) throw invalid(name, `time: invalid duration "${value}"`)
  if (ms < least) throw invalid(name, `${name === 'duration' ? 'duration' : 'renewBefore'} must be greater than or equal to ${shown}`)
  return value
}

function whole(value: string | undefined, name: string): number | undefined {
  if (value === undefined) return undefined
  if (!/^-?\d+$/.test(value)) throw invalid(name, `parsing "${value}": invalid syntax`)
  return Number(value)
}

function historyLimit(value: string | undefined): number | undefined {
  const limit = whole(value, 'revision-history-limit')
  if (limit !== undefined && limit < 1) throw invalid('revision-history-limit', `revision history limit must be a positive number "${value ?? ''}"`)
  return limit
}

function keyFrom(text: (name: string) => string | undefined): object | undefined {
  const [algorithm, encoding, rotationPolicy] = [text('private-key-algorithm'), text('private-key-encoding'), text('private-key-rotation-policy')]
  if (algorithm !== undefined && !['RSA', 'ECDSA', 'Ed25519'].includes(algorithm)) throw invalid('private-key-algorithm', `invalid private key algorithm "${algorithm}"`)
  if (encoding !== undefined && !['PKCS1', 'PKCS8'].includes(encoding)) throw invalid('private-key-encoding', `invalid private key encoding "${encoding}"`)
  if (rotationPolicy !== undefined && !['Never', 'Always'].includes(rotationPolicy)) throw invalid('private-key-rotation-policy', `invalid private key rotation policy "${rotationPolicy}"`)
  const size = whole(text('private-key-size'), 'private-key-size')
  const fits = size === undefined || algorithm === 'Ed25519' || (algorithm === 'ECDSA' ? [256, 384, 521].includes(size) : size >= 2048 && size <= 8192)
  if (!fits) throw invalid('private-key-size', `invalid private key size for ${algorithm ?? 'RSA'} algorithm "${size}"`)
  const given = Object.entries({ algorithm, encoding, size, rotationPolicy }).filter(([, value]) => value !== undefined)
  return given.length === 0 ? undefined : Object.fromEntries(given)
}

function subjectFrom(text: (name: string) => string | undefined): object | undefined {
  const parts = { organizations: 'subject-organizations', organizationalUnits: 'subject-organizationalunits', countries: 'subject-countries', provinces: 'subject-provinces', localities: 'subject-localities', postalCodes: 'subject-postalcodes', streetAddresses: 'subject-streetaddresses' }
  const lists = Object.entries(parts).flatMap(([field, name]) => (text(name) === undefined ? [] : [[field, splitCsv(text(name) ?? '')]]))
  const serialNumber = text('subject-serialnumber')
  return lists.length === 0 && serialNumber === undefined ? undefined : { ...Object.fromEntries(lists), ...(serialNumber === undefined ? {} : { serialNumber }) }
}

/** Values between commas; a comma within quotes or behind a backslash is part of its value. */
function splitCsv(text: string): string[] {
  return [...text.matchAll(/(?:^|,)\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^,\\]|\\.)*))/g)].map(([, quoted, plain]) => (quoted ?? plain ?? '').replace(/\\(.)/g, '$1').trim()).filter((value) => value !== '')
}

function templateFrom(json: string | undefined): object | undefined {
  if (json === undefined) return undefined
  let template: unknown
  try {
    template = JSON.parse(json)
  } catch (cause) {
    throw invalid('secret-template', `error parsing secret template JSON: ${String(cause)}`)
  }
  const { annotations = {}, labels = {}, ...unknown } = (template ?? {}) as { annotations?: object; labels?: object }
  const [extra] = Object.keys(unknown)
  if (extra !== undefined) throw invalid('secret-template', `error parsing secret template JSON: json: unknown field "${extra}"`)
  const own = Object.keys(annotations).find((name) => name.startsWith(prefix))
  if (own !== undefined) throw invalid('secret-template', `secretTemplate must not have cert-manager.io/ annotations: "${own}"`)
  return Object.keys(annotations).length + Object.keys(labels).length === 0 ? undefined : { annotations, labels }
}
