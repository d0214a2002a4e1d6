import { APIService, CustomResourceDefinition, MutatingWebhookConfiguration, Secret, ValidatingWebhookConfiguration, type Kind } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import type { AnyObject, JsonObject, KubeObject } from '@idp/formats'
import { isTrue } from '../engine/conditions.ts'
import { Certificate } from '../kinds/cert-manager.ts'

const fromCertificate = 'cert-manager.io/inject-ca-from'
const fromSecret = 'cert-manager.io/inject-ca-from-secret'
const fromApiServer = 'cert-manager.io/inject-apiserver-ca'
const allowDirect = 'cert-manager.io/allow-direct-injection'

/** Puts CA bundles where annotations ask for them: webhooks, CRD conversions, aggregated APIs. */
export function injectorControllers(apiServerCa: string): Controller[] {
  return [
    injector(ValidatingWebhookConfiguration, apiServerCa, injectWebhooks), injector(MutatingWebhookConfiguration, apiServerCa, injectWebhooks),
    injector(CustomResourceDefinition, apiServerCa, injectConversion), injector(APIService, apiServerCa, injectService),
  ] as unknown as Controller[]
}

/** A merge patch that sets the bundle, or undefined when it is set (or there is no place for it). */
type Inject = (object: AnyObject, bundle: string) => JsonObject | undefined

function injector<T extends KubeObject>(kind: Kind<T>, apiServerCa: string, inject: Inject): Controller<T> {
  const asking = (annotation: string, value: string, scope: Scope) => scope.cache(kind).list().filter(({ metadata }) => metadata.annotations?.[annotation] === value).map(({ metadata }) => ({ name: metadata.name ?? '' }))
  return {
    name: `cainjector-${kind.plural}`,
    for: kind,
    concerns: (before, after) => [before, after].some((object) => Object.keys(object?.metadata.annotations ?? {}).some((name) => name === fromCertificate || name === fromSecret || name === fromApiServer)),
    watches: [
      watch(Certificate, ({ metadata }, scope) => asking(fromCertificate, `${metadata.namespace}/${metadata.name}`, scope)),
      watch(Secret, ({ metadata }, scope) => {
        const owners = scope.cache(Certificate).list({ namespace: metadata.namespace ?? '' }).filter(({ spec }) => spec.secretName === metadata.name)
        return [...asking(fromSecret, `${metadata.namespace}/${metadata.name}`, scope), ...owners.flatMap((owner) => asking(fromCertificate, `${owner.metadata.namespace}/${owner.metadata.name}`, scope))]
      }),
    ],
    async reconcile(object, scope) {
      const bundle = bundleFor(object, scope, apiServerCa)
      if (bundle === undefined) return
      const patch = inject(object as unknown as AnyObject, Buffer.from(bundle).toString('base64'))
      if (patch === undefined) return
      await scope.client.patch(kind, object.metadata.name ?? '', patch, { type: 'merge', fieldManager: 'cert-manager-cainjector' })
      scope.log.info('injected a CA bundle', { kind: kind.kind, name: object.metadata.name })
    },
  }
}

function bundleFor({ metadata }: KubeObject, scope: Scope, apiServerCa: string): string | undefined {
  const annotations = metadata.annotations ?? {}
  if (annotations[fromApiServer] === 'true') return apiServerCa
  const direct = annotations[fromSecret]
  const [namespace, name] = (annotations[fromCertificate] ?? direct ?? '').split('/')
  if (namespace === undefined || name === undefined) return undefined
  let secret: Secret | undefined
  if (direct === undefined) {
    const certificate = scope.cache(Certificate).get(name, namespace)
    if (certificate === undefined || !isTrue(certificate.status?.conditions, 'Ready')) return undefined
    secret = scope.cache(Secret).get(certificate.spec.secretName, namespace)
  } else {
    secret = scope.cache(Secret).get(name, namespace)
    if (secret?.metadata.annotations?.[allowDirect] !== 'true') return undefined
  }
  const ca = secret?.data?.['ca.crt']
  return ca === undefined ? undefined : Buffer.from(ca, 'base64').toString()
}

const injectWebhooks: Inject = (object, bundle) => {
  const webhooks = (object['webhooks'] ?? []) as { clientConfig: { caBundle?: string } }[]
  if (webhooks.every(({ clientConfig }) => clientConfig.caBundle === bundle)) return undefined
  return { metadata: { resourceVersion: object.metadata.resourceVersion ?? '' }, webhooks: webhooks.map((webhook) => ({ ...webhook, clientConfig: { ...webhook.clientConfig, caBundle: bundle } })) } as unknown as JsonObject
}

const injectConversion: Inject = (object, bundle) => {
  const conversion = (object['spec'] as { conversion?: { strategy?: string; webhook?: { clientConfig?: { caBundle?: string } } } }).conversion
  if (conversion?.strategy !== 'Webhook' || conversion.webhook?.clientConfig?.caBundle === bundle) return undefined
  return { spec: { conversion: { webhook: { clientConfig: { caBundle: bundle } } } } }
}

const injectService: Inject = (object, bundle) => {
  const spec = object['spec'] as { service?: unknown; caBundle?: string }
  return spec.service === undefined || spec.caBundle === bundle ? undefined : { spec: { caBundle: bundle } }
}
