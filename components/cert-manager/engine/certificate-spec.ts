import { CodedError } from '@idp/kit'
import { encodeNameConstraints, encodeNameParts, extension, extensionOids, type Certificate as X509, type CsrTemplate, type Hash, type KeyAlgorithm, type KeyUsage, type NameConstraints, type Subject } from '@idp/pki'
import type { Certificate } from '../kinds/cert-manager.ts'
import { parseGoDuration } from './go-duration.ts'

type Spec = Certificate['spec']

const DAY = 86_400_000
export const defaultDuration = 90 * DAY
const defaultUsages: readonly KeyUsage[] = ['digital signature', 'key encipherment']

/** Key algorithm and size that a Certificate asks for: RSA 2048 unless told otherwise. */
export function keyAlgorithmOf({ privateKey }: Spec): KeyAlgorithm {
  const size = privateKey?.size === undefined || privateKey.size === 0 ? undefined : Number(privateKey.size)
  if (privateKey?.algorithm === 'Ed25519') return { type: 'Ed25519' }
  if (privateKey?.algorithm === 'ECDSA') return { type: 'ECDSA', size: size === 384 || size === 521 ? size : 256 }
  return { type: 'RSA', size: size ?? 2048 }
}

export const encodingOf = ({ privateKey }: Spec): 'PKCS1' | 'PKCS8' => (privateKey?.encoding === 'PKCS8' ? 'PKCS8' : 'PKCS1')
export const durationOf = ({ duration }: Pick<Spec, 'duration'>): number => (duration === undefined ? defaultDuration : parseGoDuration(String(duration)) ?? defaultDuration)

export function usagesOf({ usages, isCA }: Pick<Spec, 'usages' | 'isCA'>): KeyUsage[] {
  const wanted = usages === undefined || usages.length === 0 ? [...defaultUsages] : [...usages as readonly KeyUsage[]]
  if (isCA === true && !wanted.includes('cert sign')) wanted.push('cert sign')
  return wanted
}

/** When a certificate is renewed: `renewBefore` (or that percentage of its life, or a third of it) before its end, in whole seconds. */
export function renewalTime(spec: Pick<Spec, 'renewBefore' | 'renewBeforePercentage'>, { notBefore, notAfter }: Pick<X509, 'notBefore' | 'notAfter'>): number {
  const life = notAfter - notBefore
  const asked = spec.renewBefore === undefined ? undefined : parseGoDuration(String(spec.renewBefore))
  const share = spec.renewBeforePercentage === undefined ? undefined : life * Number(spec.renewBeforePercentage) / 100
  const before = asked ?? share ?? life / 3
  // What would be renewed for ever is renewed at the usual time.
  return Math.floor((notAfter - (before < life ? before : life / 3)) / 1000) * 1000
}

export function subjectOf(spec: Spec): Subject {
  const { subject = {}, commonName } = spec
  const text = (values: readonly unknown[] | undefined): string[] => (values ?? []).map(String)
  return {
    ...(commonName === undefined || commonName === '' ? {} : { commonName }), ...(subject.serialNumber === undefined ? {} : { serialNumber: subject.serialNumber }),
    countries: text(subject.countries), organizations: text(subject.organizations), organizationalUnits: text(subject.organizationalUnits), localities: text(subject.localities),
    provinces: text(subject.provinces), streetAddresses: text(subject.streetAddresses), postalCodes: text(subject.postalCodes),
  }
}

/** What goes into the request, all but the key. @throws CodedError `InvalidSubject` for a literalSubject that cannot be read */
export function requestTemplate(spec: Spec): Omit<CsrTemplate, 'key'> {
  const constraints = constraintsOf(spec)
  const hash = /SHA(256|384|512)/.exec(String(spec.signatureAlgorithm ?? ''))?.[0].toLowerCase() as Hash | undefined
  return {
    subject: subjectOf(spec), ...(spec.literalSubject === undefined || spec.literalSubject === '' ? {} : { rawSubject: encodeLiteralSubject(spec.literalSubject) }),
    dnsNames: (spec.dnsNames ?? []).map(String), ipAddresses: (spec.ipAddresses ?? []).map(String), uris: (spec.uris ?? []).map(String), emails: (spec.emailAddresses ?? []).map(String),
    otherNames: (spec.otherNames ?? []).map(({ oid, utf8Value }) => ({ oid: oid ?? '', utf8: utf8Value ?? '' })),
    isCa: spec.isCA === true, ...(spec.encodeUsagesInRequest === false ? {} : { usages: usagesOf(spec) }),
    ...(constraints === undefined ? {} : { extensions: [constraints] }), ...(hash === undefined ? {} : { hash }),
  }
}

/** The whole extension, encoded; undefined without constraints. */
export function constraintsOf({ nameConstraints, isCA }: Pick<Spec, 'nameConstraints' | 'isCA'>): Buffer | undefined {
  if (nameConstraints === undefined || isCA !== true) return undefined
  const { critical = false, permitted, excluded } = nameConstraints
  return extension(extensionOids.nameConstraints, critical, encodeNameConstraints({ ...(permitted === undefined ? {} : { permitted }), ...(excluded === undefined ? {} : { excluded }) } as NameConstraints))
}

/** An RFC 4514 name such as `CN=a,OU=b,DC=c`, most specific part first. */
function encodeLiteralSubject(text: string): Buffer {
  const parts = text.split(/(?<!\\),/).map((part) => {
    const equals = part.indexOf('=')
    return [part.slice(0, equals).trim(), part.slice(equals + 1).replace(/\\(.)/g, '$1')] as const
  })
  const encoded = encodeNameParts(parts.reverse())
  if (encoded === undefined) throw new CodedError({ code: 'InvalidSubject', message: `literalSubject ${JSON.stringify(text)} cannot be read`, where: 'spec.literalSubject', remedy: 'write it as in RFC 4514, e.g. CN=name,O=org' })
  return encoded
}
