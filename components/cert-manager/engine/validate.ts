import { isIP } from 'node:net'
import { isCoded } from '@idp/kit'
import { allUsages, parseCsr } from '@idp/pki'
import { parseGoDuration } from './go-duration.ts'
import { requestTemplate } from './certificate-spec.ts'
import type { Certificate, CertificateRequest } from '../kinds/cert-manager.ts'

/** One thing that is wrong, in the words of Kubernetes' field errors. */
export type Fault = string

export const invalid = (path: string, value: unknown, detail: string): Fault => `${path}: Invalid value: ${JSON.stringify(value)}: ${detail}`
export const required = (path: string, detail: string): Fault => `${path}: Required value${detail === '' ? '' : `: ${detail}`}`

/** What cert-manager's webhook checks of a Certificate beyond its schema. */
export function validateCertificate({ spec }: Certificate): Fault[] {
  const faults: Fault[] = []
  if (spec.secretName === undefined || spec.secretName === '') faults.push(required('spec.secretName', 'must be specified'))
  faults.push(...validateIssuerRef(spec.issuerRef))
  const names = [spec.commonName, spec.literalSubject, ...(spec.dnsNames ?? []), ...(spec.uris ?? []), ...(spec.ipAddresses ?? []), ...(spec.emailAddresses ?? []), ...(spec.otherNames ?? []).map(({ utf8Value }) => utf8Value)]
  if (!names.some((name) => name !== undefined && name !== '')) faults.push('spec: Invalid value: "": at least one of commonName (from the commonName field or from a literalSubject), dnsNames, uriSANs, ipAddresses, emailSANs or otherNames must be set')
  if ((spec.commonName ?? '').length > 64) faults.push(`spec.commonName: Too long: may not be more than 64 bytes`)
  for (const [i, address] of (spec.ipAddresses ?? []).entries()) if (isIP(String(address)) === 0) faults.push(invalid(`spec.ipAddresses[${i}]`, address, 'invalid IP address'))
  for (const [i, email] of (spec.emailAddresses ?? []).entries()) if (!/^[^\s@<>]+@[^\s@<>]+$/.test(String(email))) faults.push(invalid(`spec.emailAddresses[${i}]`, email, 'invalid email address'))
  for (const [i, usage] of (spec.usages ?? []).entries()) if (!(allUsages as readonly string[]).includes(String(usage))) faults.push(invalid(`spec.usages[${i}]`, usage, 'unknown keyusage'))
  faults.push(...validateKey(spec), ...validateTimes(spec))
  if (spec.literalSubject !== undefined && spec.literalSubject !== '') {
    if (spec.subject !== undefined || (spec.commonName ?? '') !== '') faults.push(invalid('spec.literalSubject', spec.literalSubject, 'When providing a `LiteralSubject` no `Subject` or `CommonName` properties may be provided.'))
    try {
      requestTemplate(spec)
    } catch (error) {
      if (!isCoded(error)) throw error
      faults.push(invalid('spec.literalSubject', spec.literalSubject, error.message))
    }
  }
  faults.push(...validateConstraints(spec), ...validateOtherNames(spec), ...validateKeyStores(spec), ...validateFormats(spec))
  if (spec.revisionHistoryLimit !== undefined && Number(spec.revisionHistoryLimit) < 1) faults.push(invalid('spec.revisionHistoryLimit', spec.revisionHistoryLimit, 'must not be less than 1'))
  for (const name of Object.keys(spec.secretTemplate?.annotations ?? {})) if (name.startsWith('cert-manager.io/') && name !== 'cert-manager.io/allow-direct-injection') faults.push(invalid('spec.secretTemplate.annotations', name, 'cert-manager.io/* annotations are not allowed'))
  return faults
}

function validateConstraints(spec: Certificate['spec']): Fault[] {
  if (spec.nameConstraints === undefined) return []
  const path = 'spec.nameConstraints'
  const { permitted, excluded } = spec.nameConstraints
  const faults: Fault[] = []
  if (spec.isCA !== true) faults.push(invalid(path, spec.nameConstraints, 'isCA should be true when nameConstraints is set'))
  if (permitted === undefined && excluded === undefined) faults.push(invalid(path, spec.nameConstraints, 'either permitted or excluded must be set'))
  for (const [part, item] of [['permitted', permitted], ['excluded', excluded]] as const) {
    for (const [i, range] of (item?.ipRanges ?? []).entries()) {
      const [address = '', bits = ''] = String(range).split('/')
      if (isIP(address) === 0 || !/^\d+$/.test(bits) || Number(bits) > (isIP(address) === 4 ? 32 : 128)) faults.push(invalid(`${path}.${part}.ipRanges[${i}]`, range, 'invalid CIDR address'))
    }
  }
  return faults
}

function validateOtherNames({ otherNames = [] }: Certificate['spec']): Fault[] {
  return otherNames.flatMap(({ oid = '', utf8Value = '' }, i) => [
    ...(oid === '' ? [required(`spec.otherNames[${i}].oid`, 'must be specified')] : /^[0-2](\.\d+)+$/.test(oid) ? [] : [invalid(`spec.otherNames[${i}].oid`, oid, 'invalid oid syntax')]),
    ...(utf8Value === '' ? [required(`spec.otherNames[${i}].utf8Value`, 'must be set to a valid non-empty UTF8 string')] : []),
  ])
}

function validateKeyStores({ keystores = {} }: Certificate['spec']): Fault[] {
  const faults: Fault[] = []
  for (const type of ['jks', 'pkcs12'] as const) {
    const store = keystores[type]
    if (store?.create !== true) continue
    const [path, reference] = [`spec.keystores.${type}`, (store.passwordSecretRef?.name ?? '') !== '']
    if (reference && store.password !== undefined) faults.push(`${path}: Forbidden: cannot specify both passwordSecretRef and password`)
    if (!reference && (store.password ?? '') === '') faults.push(required(`${path}.${store.password === undefined ? 'passwordSecretRef' : 'password'}`, 'must be set to a password'))
  }
  return faults
}

function validateFormats({ additionalOutputFormats = [] }: Certificate['spec']): Fault[] {
  const seen = new Set<string>()
  const twice: Fault[] = []
  for (const [i, { type }] of additionalOutputFormats.entries()) {
    if (seen.has(String(type))) twice.push(`spec.additionalOutputFormats[${i}].type: Duplicate value: ${JSON.stringify(type)}`)
    seen.add(String(type))
  }
  return twice
}

const signatures: Readonly<Record<string, readonly string[]>> = { RSA: ['SHA256WithRSA', 'SHA384WithRSA', 'SHA512WithRSA'], ECDSA: ['ECDSAWithSHA256', 'ECDSAWithSHA384', 'ECDSAWithSHA512'], Ed25519: ['PureEd25519'] }

function validateKey({ privateKey, signatureAlgorithm }: Certificate['spec']): Fault[] {
  const size = Number(privateKey?.size ?? 0)
  const algorithm = String(privateKey?.algorithm ?? 'RSA')
  const signature = String(signatureAlgorithm ?? '')
  const allowed = signatures[algorithm] ?? []
  if (signature !== '' && !allowed.includes(signature)) return [invalid('spec.signatureAlgorithm', signature, `for key algorithm ${algorithm} the allowed signature algorithms are [${allowed.join(' ')}]`)]
  if (size === 0) return []
  if (privateKey?.algorithm === 'ECDSA') return [256, 384, 521].includes(size) ? [] : [`spec.privateKey.size: Unsupported value: ${size}: supported values: "256", "384", "521"`]
  if (privateKey?.algorithm === 'Ed25519') return []
  return size < 2048 || size > 8192 ? [invalid('spec.privateKey.size', size, 'must be between 2048 and 8192 for rsa keyAlgorithm')] : []
}

function validateTimes({ duration, renewBefore, renewBeforePercentage }: Certificate['spec']): Fault[] {
  const faults: Fault[] = []
  const life = duration === undefined ? 90 * 86_400_000 : parseGoDuration(String(duration))
  if (life === undefined || life < 3_600_000) faults.push(invalid('spec.duration', duration, 'certificate duration must be greater than 1h0m0s'))
  if (renewBefore !== undefined && renewBeforePercentage !== undefined) faults.push(invalid('spec.renewBefore', renewBefore, 'renewBefore and renewBeforePercentage are mutually exclusive and cannot both be set'))
  if (renewBefore !== undefined) {
    const before = parseGoDuration(String(renewBefore))
    if (before === undefined || before < 300_000) faults.push(invalid('spec.renewBefore', renewBefore, 'certificate renewBefore must be greater than 5m0s'))
    else if (life !== undefined && before >= life) faults.push(invalid('spec.renewBefore', renewBefore, `certificate duration ${String(duration ?? '2160h0m0s')} must be greater than renewBefore ${String(renewBefore)}`))
  }
  if (renewBeforePercentage !== undefined && (Number(renewBeforePercentage) <= 0 || Number(renewBeforePercentage) >= 100)) faults.push(invalid('spec.renewBeforePercentage', renewBeforePercentage, 'certificate renewBeforePercentage must be strictly less than 100 and greater than 0'))
  return faults
}

function validateIssuerRef(ref: Certificate['spec']['issuerRef'] | undefined): Fault[] {
  if (ref?.name === undefined || ref.name === '') return [required('spec.issuerRef.name', 'must be specified')]
  const ours = ref.group === undefined || ref.group === '' || ref.group === 'cert-manager.io'
  return ours && ref.kind !== undefined && ref.kind !== '' && ref.kind !== 'Issuer' && ref.kind !== 'ClusterIssuer' ? [invalid('spec.issuerRef.kind', ref.kind, 'must be one of Issuer or ClusterIssuer')] : []
}

export function validateRequest(request: CertificateRequest, old: CertificateRequest | undefined): Fault[] {
  const faults = validateIssuerRef(request.spec.issuerRef)
  if (old !== undefined && JSON.stringify(old.spec) !== JSON.stringify(request.spec)) faults.push('spec: Forbidden: cannot change spec after creation')
  if (request.spec.request === undefined || request.spec.request === '') faults.push(required('spec.request', 'must be specified'))
  else if (old === undefined) {
    try {
      parseCsr(Buffer.from(request.spec.request, 'base64').toString())
    } catch (error) {
      if (!isCoded(error)) throw error
      faults.push(invalid('spec.request', '(omitted)', `failed to decode csr: ${error.message}`))
    }
  }
  for (const type of ['Approved', 'Denied']) {
    const before = old?.status?.conditions?.find((condition) => condition.type === type)
    const after = request.status?.conditions?.find((condition) => condition.type === type)
    if (before !== undefined && after?.status !== before.status) faults.push(`status.conditions: Forbidden: '${type}' condition may not be modified once set`)
  }
  const set = (type: string): boolean => request.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true
  if (set('Approved') && set('Denied')) faults.push("status.conditions: Forbidden: both 'Denied' and 'Approved' conditions cannot coexist")
  return faults
}
