import { defineKind, isApiError, Ingress, type Kind } from '@idp/api'
import { controllerReference, isControlledBy, type Controller, type Scope } from '@idp/controller'
import { deepEqual, type KubeObject } from '@idp/formats'
import { Certificate, certManagerGroup, names } from '../kinds/cert-manager.ts'

/** The part of a Gateway that this controller reads; its API is not ours. */
export interface GatewayView extends KubeObject {
  spec: { listeners?: readonly { readonly name: string; readonly hostname?: string; readonly protocol: string; readonly tls?: { readonly mode?: string; readonly certificateRefs?: readonly { readonly group?: string; readonly kind?: string; readonly name: string; readonly namespace?: string }[] } }[] }
}
export const GatewayView: Kind<GatewayView> = defineKind({ group: 'gateway.networking.k8s.io', version: 'v1', kind: 'Gateway', plural: 'gateways', scope: 'Namespaced', subresources: ['status'] })

type Wanted = Map<string, string[]>

/** Makes a Certificate for each TLS Secret of Gateways that carry an issuer annotation. */
export const gatewayShim: Controller<GatewayView> = shim('cert-manager-gateway-shim', GatewayView, (gateway, problem) => {
  const wanted: Wanted = new Map()
  for (const listener of gateway.spec.listeners ?? []) {
    if (listener.tls === undefined || (listener.protocol !== 'HTTPS' && listener.protocol !== 'TLS')) continue
    const bad = listener.hostname === undefined || listener.hostname === '' ? 'hostname must not be empty' : listener.tls.mode === 'Passthrough' ? 'TLS mode must be Terminate' : (listener.tls.certificateRefs ?? []).length === 0 ? 'certificateRefs must not be empty' : undefined
    if (bad !== undefined) {
      problem(`Skipped a listener block: spec.listeners[${listener.name}]: ${bad}`)
      continue
    }
    for (const ref of listener.tls.certificateRefs ?? []) {
      if ((ref.kind ?? 'Secret') !== 'Secret' || (ref.group ?? '') !== '') problem(`Skipped a listener block: spec.listeners[${listener.name}]: certificateRefs of kind ${ref.kind} are not supported`)
      else if (ref.namespace !== undefined && ref.namespace !== gateway.metadata.namespace) problem(`Skipped a listener block: spec.listeners[${listener.name}]: certificateRefs must be in the Gateway's namespace`)
      else wanted.set(ref.name, [...new Set([...wanted.get(ref.name) ?? [], listener.hostname ?? ''])])
    }
  }
  return wanted
})

/** The same for Ingresses. */
export const ingressShim: Controller<Ingress> = shim('cert-manager-ingress-shim', Ingress, (ingress, problem) => {
  const wanted: Wanted = new Map()
  for (const [i, { secretName, hosts = [] }] of (ingress.spec?.tls ?? []).entries()) {
    if (secretName === undefined || secretName === '' || hosts.length === 0) problem(`spec.tls[${i}]: ${secretName === undefined || secretName === '' ? 'secretName' : 'hosts'} must not be empty`)
    else wanted.set(secretName, [...hosts])
  }
  return wanted
})

function shim<T extends KubeObject>(name: string, kind: Kind<T>, read: (object: T, problem: (message: string) => void) => Wanted): Controller<T> {
  return {
    name, for: kind, owns: [Certificate],
    async reconcile(object, scope) {
      const issuer = issuerOf(object)
      if (issuer === undefined) return
      const owned = scope.cache(Certificate).ownedBy(object.metadata.uid ?? '')
      const wanted = read(object, (message) => scope.event(object, 'Warning', 'BadConfig', message))
      for (const [secretName, dnsNames] of wanted) await keep(object, wishFor(object, kind, secretName, dnsNames, issuer), scope)
      for (const extra of owned) if (!wanted.has(extra.metadata.name ?? '')) {
        await scope.client.delete(Certificate, extra.metadata.name ?? '', { namespace: extra.metadata.namespace })
        scope.event(object, 'Normal', 'DeleteCertificate', `Successfully deleted unrequired Certificate "${extra.metadata.name}"`)
      }
    },
  }
}

function issuerOf({ metadata: { annotations = {} } }: KubeObject): Certificate['spec']['issuerRef'] | undefined {
  const cluster = annotations[names.clusterIssuer]
  const name = annotations[names.issuer] ?? cluster
  if (name === undefined || name === '') return undefined
  return { name, kind: annotations[names.issuer] === undefined ? 'ClusterIssuer' : annotations[names.issuerKind] ?? 'Issuer', group: annotations[names.issuerGroup] ?? certManagerGroup }
}

/** Annotations that set a field of the Certificate. */
function fieldsFrom(annotations: Readonly<Record<string, string>>): Partial<Certificate['spec']> {
  const text = (name: string): string | undefined => annotations[`cert-manager.io/${name}`]
  const list = (name: string): string[] | undefined => text(name)?.split(',').map((part) => part.trim()).filter((part) => part !== '')
  const key = {
    ...(text('private-key-algorithm') === undefined ? {} : { algorithm: text('private-key-algorithm') }), ...(text('private-key-encoding') === undefined ? {} : { encoding: text('private-key-encoding') }),
    ...(text('private-key-size') === undefined ? {} : { size: Number(text('private-key-size')) }), ...(text('private-key-rotation-policy') === undefined ? {} : { rotationPolicy: text('private-key-rotation-policy') }),
  }
  const subject = { organizations: list('subject-organizations'), organizationalUnits: list('subject-organizationalunits'), countries: list('subject-countries'), provinces: list('subject-provinces'), localities: list('subject-localities'), postalCodes: list('subject-postalcodes'), streetAddresses: list('subject-streetaddresses'), serialNumber: text('subject-serialnumber') }
  const given = Object.fromEntries(Object.entries(subject).filter(([, value]) => value !== undefined))
  const fields = {
    commonName: text('common-name'), duration: text('duration'), renewBefore: text('renew-before'), usages: list('usages'), emailAddresses: list('email-sans'),
    revisionHistoryLimit: text('revision-history-limit') === undefined ? undefined : Number(text('revision-history-limit')),
    privateKey: Object.keys(key).length === 0 ? undefined : key, subject: Object.keys(given).length === 0 ? undefined : given,
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<Certificate['spec']>
}

function wishFor<T extends KubeObject>(object: T, kind: Kind<T>, secretName: string, hostnames: readonly string[], issuerRef: Certificate['spec']['issuerRef']): Certificate {
  const ip = /^(\d+\.){3}\d+$|:/
  return {
    apiVersion: 'cert-manager.io/v1', kind: 'Certificate',
    metadata: { name: secretName, namespace: object.metadata.namespace ?? '', labels: { ...object.metadata.labels }, ownerReferences: [controllerReference(kind, object)] },
    spec: {
      dnsNames: hostnames.filter((name) => !ip.test(name)), ...(hostnames.some((name) => ip.test(name)) ? { ipAddresses: hostnames.filter((name) => ip.test(name)) } : {}),
      secretName, issuerRef, usages: ['digital signature', 'key encipherment'], ...fieldsFrom(object.metadata.annotations ?? {}),
    },
  }
}

async function keep(owner: KubeObject, wish: Certificate, scope: Scope): Promise<void> {
  const { name = '', namespace } = wish.metadata
  const known = scope.cache(Certificate).get(name, namespace)
  if (known === undefined) {
    try {
      await scope.client.create(Certificate, wish)
    } catch (error) {
      if (isApiError(error, 'AlreadyExists')) return // its arrival in the cache wakes this loop again
      throw error
    }
    return scope.event(owner, 'Normal', 'CreateCertificate', `Successfully created Certificate "${name}"`)
  }
  // A Certificate that somebody else made stays as it is.
  if (!isControlledBy(known, owner)) return
  if (deepEqual(pick(known.spec, wish.spec), wish.spec) && deepEqual(pick(known.metadata.labels ?? {}, wish.metadata.labels ?? {}), wish.metadata.labels ?? {})) return
  await scope.client.update(Certificate, { ...known, metadata: { ...known.metadata, labels: { ...known.metadata.labels, ...wish.metadata.labels } }, spec: wish.spec })
  scope.event(owner, 'Normal', 'UpdateCertificate', `Successfully updated Certificate "${name}"`)
}

function pick(from: object, like: object): object {
  return Object.fromEntries(Object.keys(like).map((key) => [key, (from as Record<string, unknown>)[key]]))
}
