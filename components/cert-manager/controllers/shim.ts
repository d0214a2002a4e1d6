import { defineKind, isApiError, Ingress, type Kind } from '@idp/api'
import { controllerReference, isControlledBy, type Controller, type Scope } from '@idp/controller'
import { deepEqual, type KubeObject } from '@idp/formats'
import { isCoded } from '@idp/kit'
import { annotationsFrom, issuerFrom, specFrom, type DefaultIssuer } from '../engine/shim-annotations.ts'
import { Certificate } from '../kinds/cert-manager.ts'

/** The part of a Gateway that this controller reads; its API is not ours. */
export interface GatewayView extends KubeObject {
  spec: { listeners?: readonly { readonly name: string; readonly hostname?: string; readonly protocol: string; readonly tls?: { readonly mode?: string; readonly certificateRefs?: readonly { readonly group?: string; readonly kind?: string; readonly name: string; readonly namespace?: string }[] } }[] }
}
export const GatewayView: Kind<GatewayView> = defineKind({ group: 'gateway.networking.k8s.io', version: 'v1', kind: 'Gateway', plural: 'gateways', scope: 'Namespaced', subresources: ['status'] })

type Wanted = Map<string, string[]>

/** Makes a Certificate for each TLS Secret of Gateways that carry an issuer annotation. */
export const gatewayShim: (fallback: DefaultIssuer) => Controller<GatewayView> = shim('cert-manager-gateway-shim', GatewayView, (gateway, problem) => {
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
export const ingressShim: (fallback: DefaultIssuer) => Controller<Ingress> = shim('cert-manager-ingress-shim', Ingress, (ingress, problem) => {
  const wanted: Wanted = new Map()
  for (const [i, { secretName, hosts = [] }] of (ingress.spec?.tls ?? []).entries()) {
    if (secretName === undefined || secretName === '' || hosts.length === 0) problem(`spec.tls[${i}]: ${secretName === undefined || secretName === '' ? 'secretName' : 'hosts'} must not be empty`)
    else wanted.set(secretName, [...hosts])
  }
  return wanted
})

function shim<T extends KubeObject>(name: string, kind: Kind<T>, read: (object: T, problem: (message: string) => void) => Wanted): (fallback: DefaultIssuer) => Controller<T> {
  return (fallback) => ({
    name, for: kind, owns: [Certificate],
    async reconcile(object, scope) {
      const bad = (error: unknown): void => {
        if (!isCoded(error, 'InvalidAnnotation')) throw error
        scope.event(object, 'Warning', 'BadConfig', error.message)
      }
      let issuer: Certificate['spec']['issuerRef'] | undefined
      try {
        issuer = issuerFrom(object.metadata.annotations ?? {}, fallback)
        specFrom(object.metadata.annotations ?? {})
      } catch (error) {
        return bad(error)
      }
      if (issuer === undefined || object.metadata.deletionTimestamp !== undefined) return
      const owned = scope.cache(Certificate).ownedBy(object.metadata.uid ?? '')
      const wanted = read(object, (message) => scope.event(object, 'Warning', 'BadConfig', message))
      for (const [secretName, dnsNames] of wanted) await keep(object, wishFor(object, kind, secretName, dnsNames, issuer), scope)
      for (const extra of owned) if (!wanted.has(extra.metadata.name ?? '')) {
        await scope.client.delete(Certificate, extra.metadata.name ?? '', { namespace: extra.metadata.namespace })
        scope.event(object, 'Normal', 'DeleteCertificate', `Successfully deleted unrequired Certificate "${extra.metadata.name}"`)
      }
    },
  })
}

function wishFor<T extends KubeObject>(object: T, kind: Kind<T>, secretName: string, hostnames: readonly string[], issuerRef: Certificate['spec']['issuerRef']): Certificate {
  const ip = /^(\d+\.){3}\d+$|:/
  const annotations = object.metadata.annotations ?? {}
  const { dnsNames = [], ipAddresses = [], ...fields } = specFrom(annotations)
  const own = annotationsFrom(annotations, object.metadata.name ?? '')
  const addresses = [...hostnames.filter((name) => ip.test(name)), ...ipAddresses]
  return {
    apiVersion: 'cert-manager.io/v1', kind: 'Certificate',
    metadata: { name: secretName, namespace: object.metadata.namespace ?? '', labels: { ...object.metadata.labels }, ...(Object.keys(own).length === 0 ? {} : { annotations: own }), ownerReferences: [controllerReference(kind, object)] },
    spec: { dnsNames: [...new Set([...hostnames.filter((name) => !ip.test(name)), ...dnsNames])], ...(addresses.length === 0 ? {} : { ipAddresses: addresses }), secretName, issuerRef, usages: ['digital signature', 'key encipherment'], ...fields },
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
  if (deepEqual(pick(known.spec, wish.spec), wish.spec) && sameEntries(known.metadata.labels, wish.metadata.labels) && sameEntries(known.metadata.annotations, wish.metadata.annotations)) return
  const { labels, annotations } = known.metadata
  await scope.client.update(Certificate, { ...known, metadata: { ...known.metadata, labels: { ...labels, ...wish.metadata.labels }, annotations: { ...annotations, ...wish.metadata.annotations } }, spec: wish.spec })
  scope.event(owner, 'Normal', 'UpdateCertificate', `Successfully updated Certificate "${name}"`)
}

function pick(from: object, like: object): object {
  return Object.fromEntries(Object.keys(like).map((key) => [key, (from as Record<string, unknown>)[key]]))
}

const sameEntries = (known: object = {}, wish: object = {}): boolean => deepEqual(pick(known, wish), wish)
