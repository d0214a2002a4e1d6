import { isIP } from 'node:net'
import { isCoded } from '@idp/kit'
import { allUsages, parseCsr } from '@idp/pki'
import { parseGoDuration } from './go-duration.ts'
import { requestTemplate } from './certificate-spec.ts'
import type { AnyIssuer, Certificate, CertificateRequest } from '../kinds/cert-manager.ts'

/** One thing that is wrong, in the words of Kubernetes' field errors. */
export type Fault = string

const invalid = (path: string, value: unknown, detail: string): Fault => `${path}: Invalid value: ${JSON.stringify(value)}: ${detail}`
const required = (path: string, detail: string): Fault => `${path}: Required value${detail === '' ? '' : `: ${detail}`}`

/** What cert-manager's webhook checks of a Certificate beyond its schema. */
export function validateCertificate({ spec }: Certificate): Fault[] {
  const faults: Fault[] = []
  if (spec.secretName === undefined || spec.secretName === '') faults.push(required('spec.secretName', 'must be specified'))
  faults.push(...validateIssuerRef(spec.issuerRef))
  const names = [spec.commonName, spec.literalSubject, ...(spec.dnsNames ?? []), ...(spec.uris ?? []), ...(spec.ipAddresses ?? []), ...(spec.emailAddresses ?? []), ...(spec.otherNames ?? []).map(String)]
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
  if (spec.keystores !== undefined) faults.push('spec.keystores: Forbidden: keystores are not supported by this stand-in')
  if (spec.nameConstraints !== undefined) faults.push('spec.nameConstraints: Forbidden: name constraints are not supported by this stand-in')
  if ((spec.otherNames ?? []).length > 0) faults.push('spec.otherNames: Forbidden: other names are not supported by this stand-in')
  if (spec.revisionHistoryLimit !== undefined && Number(spec.revisionHistoryLimit) < 1) faults.push(invalid('spec.revisionHistoryLimit', spec.revisionHistoryLimit, 'must not be less than 1'))
  return faults
}

function validateKey({ privateKey }: Certificate['spec']): Fault[] {
  const size = Number(privateKey?.size ?? 0)
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

const issuerTypes = ['acme', 'ca', 'vault', 'selfSigned', 'venafi'] as const

export function validateIssuer({ spec }: AnyIssuer): Fault[] {
  const given = issuerTypes.filter((type) => spec[type] !== undefined)
  if (given.length === 0) return [required('spec', 'at least one issuer must be configured')]
  if (given.length > 1) return given.slice(1).map((type) => `spec.${type}: Forbidden: may not specify more than one issuer type`)
  if (spec.ca !== undefined && (spec.ca.secretName === undefined || spec.ca.secretName === '')) return [required('spec.ca.secretName', '')]
  return []
}
