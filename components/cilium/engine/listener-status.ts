import { createPrivateKey, X509Certificate } from 'node:crypto'
import { gatewayGroup, type Gateway, type Listener } from '../kinds/gateway-api.ts'
import { admittedKinds, attachmentsOf } from './attachment.ts'
import type { Verdict } from './condition.ts'
import { judgeFrontend, type ClientValidation } from './frontend-validation.ts'
import { mayRefer, type World } from './world.ts'

const protocols = ['HTTP', 'HTTPS', 'TLS']

export interface ListenerVerdict {
  readonly listener: Listener
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[]
  readonly verdicts: readonly Verdict[]
  /** Its port is opened and its certificate served. */
  readonly programmed: boolean
  /** What its clients have to show, if anything. */
  readonly clients: ClientValidation | undefined
}

/** Judges each listener of a Gateway (Gateway API, ListenerStatus). */
export function judgeListeners(gateway: Gateway, world: World): ListenerVerdict[] {
  return gateway.spec.listeners.map((listener) => {
    const { kinds, invalid } = admittedKinds(listener)
    const frontend = judgeFrontend(listener, gateway, world)
    const unsure = frontend !== undefined && frontend.validation === undefined
    let accepted = acceptance(listener, gateway)
    if (unsure && accepted.status === 'True') accepted = { type: 'Accepted', status: 'False', reason: 'NoValidCACertificate', message: frontend.problem?.message ?? '' }
    const served = certificateVerdict(listener, gateway, world)
    const refs = invalid ? refused('InvalidRouteKinds', 'Invalid Route Kinds') : served.status === 'False' || frontend?.problem === undefined ? served : refused(frontend.problem.reason, frontend.problem.message)
    const programmed = accepted.status === 'True' && served.status === 'True' && (!invalid || kinds.length > 0)
    return {
      listener, programmed, clients: frontend?.validation, supportedKinds: kinds.map((kind) => ({ group: gatewayGroup, kind })),
      verdicts: [
        accepted,
        programmed ? { type: 'Programmed', status: 'True', reason: 'Programmed', message: 'Listener Programmed' } : { type: 'Programmed', status: 'False', reason: 'Invalid', message: 'Listener not Programmed' },
        refs,
        conflict(listener, gateway) === undefined ? { type: 'Conflicted', status: 'False', reason: 'NoConflicts', message: 'No conflicts' } : { type: 'Conflicted', status: 'True', reason: conflict(listener, gateway) ?? '', message: accepted.message },
      ],
    }
  })
}

/** How many routes are attached to each listener of a Gateway, by its name. */
export function countRoutes(gateway: Gateway, world: World): Map<string, number> {
  const counts = new Map<string, number>()
  for (const route of world.routes()) {
    const names = new Set<string>()
    for (const attachment of attachmentsOf(route, world)) if (attachment.gateway.metadata.uid === gateway.metadata.uid) for (const { listener } of attachment.listeners) names.add(listener.name)
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

function acceptance(listener: Listener, gateway: Gateway): Verdict {
  const no = (reason: string, message: string): Verdict => ({ type: 'Accepted', status: 'False', reason, message })
  if (!protocols.includes(listener.protocol)) return no('UnsupportedProtocol', `Unsupported protocol ${listener.protocol}`)
  const clash = conflict(listener, gateway)
  if (clash !== undefined) return no(clash, `Listener ${listener.name} conflicts with another on port ${listener.port}`)
  if (listener.protocol === 'HTTPS' && listener.tls?.mode === 'Passthrough') return no('UnsupportedValue', 'HTTPS listeners terminate TLS; use protocol TLS for Passthrough')
  if (listener.protocol === 'TLS' && listener.tls?.mode !== 'Passthrough') return no('UnsupportedValue', 'TLS listeners pass connections through; use protocol HTTPS to terminate')
  return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Listener Accepted' }
}

/** Why a listener cannot stand beside the others on its port; the earlier ones win. */
function conflict(listener: Listener, gateway: Gateway): 'ProtocolConflict' | 'HostnameConflict' | undefined {
  for (const other of gateway.spec.listeners) {
    if (other === listener) return undefined
    if (other.port !== listener.port || conflict(other, gateway) !== undefined) continue
    if ((other.protocol === 'HTTP') !== (listener.protocol === 'HTTP')) return 'ProtocolConflict'
    if (other.protocol === listener.protocol && (other.hostname ?? '') === (listener.hostname ?? '')) return 'HostnameConflict'
  }
  return undefined
}

function certificateVerdict(listener: Listener, gateway: Gateway, world: World): Verdict {
  const fine: Verdict = { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'Resolved Refs' }
  if (!['HTTPS', 'TLS'].includes(listener.protocol) || listener.tls?.mode === 'Passthrough') return fine
  const refs = listener.tls?.certificateRefs ?? []
  if (refs.length === 0) return refused('InvalidCertificateRef', 'TLS listener has no certificateRefs')
  for (const ref of refs) {
    if ((ref.group ?? '') !== '' || (ref.kind ?? 'Secret') !== 'Secret') return refused('InvalidCertificateRef', `Invalid CertificateRef: kind ${ref.kind} is not supported`)
    const namespace = ref.namespace ?? gateway.metadata.namespace ?? ''
    if (!mayRefer(world, { group: gatewayGroup, kind: 'Gateway', namespace: gateway.metadata.namespace ?? '' }, { group: '', kind: 'Secret', namespace, name: ref.name })) return refused('RefNotPermitted', 'CertificateRef is not permitted')
    const secret = world.tlsSecret(namespace, ref.name)
    if (secret === undefined) return refused('InvalidCertificateRef', `Invalid CertificateRef: Secret ${namespace}/${ref.name} does not exist or is not of type kubernetes.io/tls`)
    if (!fits(secret)) return refused('InvalidCertificateRef', `Invalid CertificateRef: Secret ${namespace}/${ref.name} holds no matching certificate and key`)
  }
  return fine
}

function refused(reason: string, message: string): Verdict {
  return { type: 'ResolvedRefs', status: 'False', reason, message }
}

const judged = new WeakMap<object, boolean>()

/** Whether a certificate and key can be served together. */
export function fits(pair: { readonly cert: string; readonly key: string }): boolean {
  let fine = judged.get(pair)
  if (fine === undefined) judged.set(pair, (fine = belongTogether(pair)))
  return fine
}

function belongTogether({ cert, key }: { readonly cert: string; readonly key: string }): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false // not PEM; the verdict says so
  }
}
