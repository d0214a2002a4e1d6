import { X509Certificate } from 'node:crypto'
import { gatewayGroup, type Gateway, type Listener } from '../kinds/gateway-api.ts'
import type { Verdict } from './condition.ts'
import { mayRefer, type World } from './world.ts'

/** What clients of a listener have to show (Gateway API, FrontendTLSValidation; GEP-91). */
export interface ClientValidation {
  /** PEM of those who sign clients' certificates. */
  readonly ca: string
  /** Without a valid certificate there is no connection (`AllowValidOnly`); otherwise one is asked for and anything is let in (`AllowInsecureFallback`). */
  readonly required: boolean
}

export interface FrontendVerdict {
  /** Undefined when no reference holds: the listener is then not opened. */
  readonly validation: ClientValidation | undefined
  /** What is wrong with the references, the first that fails. */
  readonly problem: Pick<Verdict, 'reason' | 'message'> | undefined
}

interface Reference { readonly group?: string | undefined; readonly kind?: string | undefined; readonly name: string; readonly namespace?: string | undefined }
interface Validation { readonly caCertificateRefs?: readonly Reference[] | undefined; readonly mode?: string | undefined }

/** What a Gateway asks of the clients of one listener: what stands for its port, or else the default; the listener's own field of the experimental channel comes first. */
function validationOf(listener: Listener, gateway: Gateway): Validation | undefined {
  if (listener.protocol !== 'HTTPS' || listener.tls?.mode === 'Passthrough') return undefined
  const own = (listener.tls as { readonly frontendValidation?: Validation } | undefined)?.frontendValidation
  if (own !== undefined) return own
  const { frontend } = gateway.spec.tls ?? {}
  const ofPort = frontend?.perPort?.find(({ port }) => port === listener.port)
  return ofPort === undefined ? frontend?.default?.validation : ofPort.tls.validation
}

/** Judges the CA references of a listener; undefined when clients need no certificate. */
export function judgeFrontend(listener: Listener, gateway: Gateway, world: World): FrontendVerdict | undefined {
  const asked = validationOf(listener, gateway)
  if (asked === undefined) return undefined
  let problem: FrontendVerdict['problem']
  const bundles: string[] = []
  for (const ref of asked.caCertificateRefs ?? []) {
    const found = bundleOf(ref, gateway, world)
    if ('ca' in found) bundles.push(found.ca)
    else problem ??= found
  }
  if (bundles.length === 0) problem ??= { reason: 'InvalidCACertificateRef', message: 'the validation of clients names no CA certificate' }
  return { problem, validation: bundles.length === 0 ? undefined : { ca: bundles.join('\n'), required: asked.mode !== 'AllowInsecureFallback' } }
}

/** Whether some listener lets clients in whose certificate is missing or not valid. */
export function isInsecure(gateway: Gateway): boolean {
  return gateway.spec.listeners.some((listener) => validationOf(listener, gateway)?.mode === 'AllowInsecureFallback')
}

/** Where the ConfigMaps with CA certificates are that a Gateway may refer to. */
export function caReferences(gateway: Gateway, world: Pick<World, 'grants'>): { readonly namespace: string; readonly name: string }[] {
  return gateway.spec.listeners.flatMap((listener) => (validationOf(listener, gateway)?.caCertificateRefs ?? []).flatMap((ref) => {
    const namespace = ref.namespace ?? gateway.metadata.namespace ?? ''
    return isConfigMap(ref) && permitted(ref.name, namespace, gateway, world) ? [{ namespace, name: ref.name }] : []
  }))
}

function isConfigMap({ group, kind }: Reference): boolean {
  return (group ?? '') === '' && kind === 'ConfigMap'
}

function permitted(name: string, namespace: string, gateway: Gateway, world: Pick<World, 'grants'>): boolean {
  return mayRefer(world, { group: gatewayGroup, kind: 'Gateway', namespace: gateway.metadata.namespace ?? '' }, { group: '', kind: 'ConfigMap', namespace, name })
}

function bundleOf(ref: Reference, gateway: Gateway, world: World): { readonly ca: string } | { readonly reason: string; readonly message: string } {
  const namespace = ref.namespace ?? gateway.metadata.namespace ?? ''
  if (!isConfigMap(ref)) return { reason: 'InvalidCACertificateKind', message: `a CA certificate of kind ${ref.kind} is not supported; use a ConfigMap` }
  if (!permitted(ref.name, namespace, gateway, world)) return { reason: 'RefNotPermitted', message: `no ReferenceGrant permits the reference to ConfigMap ${namespace}/${ref.name}` }
  const ca = world.caBundle(namespace, ref.name)
  if (ca === undefined) return { reason: 'InvalidCACertificateRef', message: `ConfigMap ${namespace}/${ref.name} does not exist or has no key ca.crt` }
  return holdsCertificates(ca) ? { ca } : { reason: 'InvalidCACertificateRef', message: `ca.crt of ConfigMap ${namespace}/${ref.name} holds no certificate in PEM` }
}

/** The last bundle that was judged; a Gateway has seldom more than one. */
let judged = { pem: '', fine: false }

function holdsCertificates(pem: string): boolean {
  if (judged.pem !== pem) judged = { pem, fine: parses(pem) }
  return judged.fine
}

function parses(pem: string): boolean {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  try {
    return found.length > 0 && found.every((one) => new X509Certificate(one).raw.length > 0)
  } catch {
    return false // PEM around something else; the verdict says so
  }
}
