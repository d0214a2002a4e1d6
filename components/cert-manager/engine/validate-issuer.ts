import { decodePem } from '@idp/pki'
import { isCoded } from '@idp/kit'
import type { AnyIssuer } from '../kinds/cert-manager.ts'
import { invalid, required, type Fault } from './validate.ts'

const issuerTypes = ['acme', 'ca', 'vault', 'selfSigned', 'venafi'] as const

/** What cert-manager's webhook checks of an issuer beyond its schema. */
export function validateIssuer({ spec }: AnyIssuer): Fault[] {
  const given = issuerTypes.filter((type) => spec[type] !== undefined)
  if (given.length === 0) return [required('spec', 'at least one issuer must be configured')]
  if (given.length > 1) return given.slice(1).map((type) => `spec.${type}: Forbidden: may not specify more than one issuer type`)
  if (spec.ca !== undefined && (spec.ca.secretName === undefined || spec.ca.secretName === '')) return [required('spec.ca.secretName', '')]
  return [...validateAcme(spec.acme), ...validateVault(spec.vault)]
}

function validateAcme(acme: AnyIssuer['spec']['acme']): Fault[] {
  if (acme === undefined) return []
  const faults: Fault[] = []
  const bundle = String(acme.caBundle ?? '')
  if (bundle !== '' && acme.skipTLSVerify === true) faults.push(...['caBundle', 'skipTLSVerify'].map((field) => invalid(`spec.acme.${field}`, field === 'caBundle' ? '' : true, 'caBundle and skipTLSVerify are mutually exclusive and cannot both be set')))
  if (bundle !== '' && !holdsCertificates(bundle)) faults.push(invalid('spec.acme.caBundle', '', 'cert bundle didn\'t contain any valid certificates'))
  if ((acme.privateKeySecretRef?.name ?? '') === '') faults.push(required('spec.acme.privateKeySecretRef.name', 'private key secret name is a required field'))
  if ((acme.server ?? '') === '') faults.push(required('spec.acme.server', 'acme server URL is a required field'))
  const binding = acme.externalAccountBinding
  if (binding !== undefined && binding.keyID === '') faults.push(required('spec.acme.externalAccountBinding.keyID', 'the keyID field is required when using externalAccountBinding'))
  if (binding !== undefined && (binding.keySecretRef.key ?? '') === '') faults.push(required('spec.acme.externalAccountBinding.keySecretRef.key', 'secret key is required'))
  for (const [i, solver] of (acme.solvers ?? []).entries()) faults.push(...validateSolver(solver, `spec.acme.solvers[${i}]`))
  return faults
}

type AcmeSolver = NonNullable<NonNullable<AnyIssuer['spec']['acme']>['solvers']>[number]

function validateSolver({ http01, dns01 }: AcmeSolver, path: string): Fault[] {
  if (http01 === undefined && dns01 === undefined) return [required(path, 'no solver type configured')]
  if (http01 !== undefined && dns01 !== undefined) return [`${path}: Forbidden: may not specify more than one solver type in a single solver`]
  if (http01 === undefined) return []
  const { ingress, gatewayHTTPRoute } = http01
  if (ingress === undefined && gatewayHTTPRoute === undefined) return [required(`${path}.http01`, 'no HTTP01 solver type configured')]
  if (ingress !== undefined && gatewayHTTPRoute !== undefined) return [required(`${path}.http01`, 'only 1 HTTP01 solver type may be configured')]
  const faults: Fault[] = []
  if ([ingress?.class, ingress?.ingressClassName, ingress?.name === '' ? undefined : ingress?.name].filter((field) => field !== undefined).length > 1) faults.push(`${path}.http01.ingress: Forbidden: only one of 'ingressClassName', 'name' or 'class' should be specified`)
  const serviceType = ingress?.serviceType ?? gatewayHTTPRoute?.serviceType ?? ''
  if (!['', 'ClusterIP', 'NodePort'].includes(serviceType)) faults.push(invalid(`${path}.http01.${ingress === undefined ? 'gateway' : 'ingress'}.serviceType`, serviceType, 'must be empty, "ClusterIP" or "NodePort"'))
  return faults
}

function validateVault(vault: AnyIssuer['spec']['vault']): Fault[] {
  if (vault === undefined) return []
  const faults: Fault[] = []
  if (vault.server === '') faults.push(required('spec.vault.server', ''))
  if (vault.path === '') faults.push(required('spec.vault.path', ''))
  const bundle = String(vault.caBundle ?? '')
  if (bundle !== '' && vault.caBundleSecretRef !== undefined) faults.push(...['caBundle', 'caBundleSecretRef'].map((field) => invalid(`spec.vault.${field}`, '', 'specified caBundle and caBundleSecretRef cannot be used together')))
  if (bundle !== '' && !holdsCertificates(bundle)) faults.push(invalid('spec.vault.caBundle', '<snip>', 'cert bundle didn\'t contain any valid certificates'))
  return faults
}

function holdsCertificates(bundle: string): boolean {
  try {
    return decodePem(Buffer.from(bundle, 'base64').toString()).some(({ label }) => label === 'CERTIFICATE')
  } catch (error) {
    if (!isCoded(error)) throw error
    return false
  }
}
