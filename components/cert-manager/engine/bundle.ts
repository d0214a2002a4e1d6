import { createHash } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { matchesLabelSelector, type Labels, type LabelSelector } from '@idp/formats'
import { CodedError, isCoded, messageOf } from '@idp/kit'
import { encodeJks, encodePkcs12Trust, formatSubject, parseCertificates, type Certificate, type Pkcs12Profile } from '@idp/pki'
import { saltsFor } from './key-stores.ts'
import type { BundleSource, BundleTarget, SourceRef, TargetTemplate } from '../kinds/trust.ts'

/** An object of the trust namespace, its values decoded. */
export interface SourceObject { readonly name: string; readonly labels: Labels; readonly type?: string; readonly data: Readonly<Record<string, string>> }
export interface Sources { readonly namespace: string; readonly configMaps: readonly SourceObject[]; readonly secrets: readonly SourceObject[]; /** Whether default CAs are there. */ readonly defaults: boolean }

/** What `useDefaultCAs` stands for here: Mozilla's roots, as the engine carries them. */
export const defaultCaVersion = 'idp-mozilla-roots'

/** All certificates of a bundle, each once, in the order of its sources. @throws CodedError `SourceNotFound`, `SourceBuildError` */
export function collect(sources: readonly BundleSource[], from: Sources): Certificate[] {
  const found = new Map<string, Certificate>()
  for (const source of sources) for (const certificate of certificatesOf(source, from)) found.set(certificate.fingerprint, certificate)
  if (found.size === 0) throw notFound("couldn't find any valid certificates in bundle")
  return [...found.values()]
}

const notFound = (message: string): CodedError => new CodedError({ code: 'SourceNotFound', message })
const broken = (message: string): CodedError => new CodedError({ code: 'SourceBuildError', message })

function certificatesOf({ configMap, secret, inLine, useDefaultCAs }: BundleSource, from: Sources): Certificate[] {
  if (configMap !== undefined) return referred('ConfigMap', configMap, from.configMaps, from.namespace)
  if (secret !== undefined) return referred('Secret', secret, from.secrets, from.namespace)
  if (inLine !== undefined) return readPem(inLine, 'inline source contains invalid PEM data')
  if (useDefaultCAs !== true) return []
  if (!from.defaults) throw notFound('no default package was specified when trust-manager was started; default CAs not available')
  return parseCertificates(rootCertificates.join('\n'))
}

function referred(kind: 'ConfigMap' | 'Secret', { name = '', selector, key, includeAllKeys = false }: SourceRef, objects: readonly SourceObject[], namespace: string): Certificate[] {
  const chosen = name === '' ? objects.filter(({ labels }) => matchesLabelSelector(selector as LabelSelector, labels)) : objects.filter((object) => object.name === name)
  if (name !== '' && chosen.length === 0) throw notFound(`failed to get ${kind} ${namespace}/${name}: ${kind.toLowerCase()}s "${name}" not found`)
  return chosen.flatMap((object) => {
    if (includeAllKeys && object.type === 'kubernetes.io/tls') throw broken(`includeAllKeys is not supported for TLS Secrets such as ${namespace}/${object.name}`)
    return (includeAllKeys ? Object.keys(object.data) : [key ?? '']).flatMap((each) => {
      const text = object.data[each]
      if (text === undefined) throw notFound(`no data found in ${kind} ${namespace}/${object.name} at key "${each}"`)
      return readPem(text, `invalid PEM data in ${kind} ${namespace}/${object.name} at key "${each}"`)
    })
  })
}

function readPem(text: string, what: string): Certificate[] {
  try {
    const found = parseCertificates(text)
    if (found.length > 0) return found
  } catch (error) {
    if (!isCoded(error)) throw error
    throw broken(`${what}: ${messageOf(error)}`)
  }
  throw broken(`${what}: no non-expired certificates were found`)
}

/** What a target holds: PEM under its key, key stores beside it. */
export interface TargetData { readonly text: Readonly<Record<string, string>>; readonly binary: Readonly<Record<string, Buffer>> }

export function targetData({ additionalFormats: { jks, pkcs12 } = {} }: BundleTarget, { key }: TargetTemplate, certificates: readonly Certificate[]): TargetData {
  const named = certificates.map(({ der, subject, fingerprint }) => ({ name: `${fingerprint.slice(0, 8)}|${formatSubject(subject)}`, certificate: der }))
  const binary: Record<string, Buffer> = {}
  // The oldest of the certificates dates the file: the same certificates give the same file.
  if (jks !== undefined) binary[jks.key] = encodeJks(named, { password: jks.password ?? 'changeit', date: Math.min(...certificates.map(({ notBefore }) => notBefore)) })
  if (pkcs12 !== undefined) binary[pkcs12.key] = encodePkcs12Trust(named, { password: pkcs12.password ?? '', profile: (pkcs12.profile as Pkcs12Profile | undefined) ?? 'LegacyRC2', random: saltsFor(pkcs12.key, pkcs12.password ?? '', ...certificates.map(({ fingerprint }) => fingerprint)) })
  return { text: { [key]: certificates.map(({ pem }) => pem).join('') }, binary }
}

/** By which it is told whether a target is up to date. */
export function targetHash({ additionalFormats }: BundleTarget, { key, metadata }: TargetTemplate, certificates: readonly Certificate[]): string {
  return createHash('sha256').update(JSON.stringify([key, metadata, additionalFormats, certificates.map(({ fingerprint }) => fingerprint)])).digest('hex')
}
