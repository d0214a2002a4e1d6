import { Secret, ValidatingWebhookConfiguration } from '@idp/api'
import { createManager, watch, type Controller, type Manager } from '@idp/controller'
import type { JsonObject } from '@idp/formats'
import type { Clock } from '@idp/kit'
import { createCa, issueCertificate, parseCertificate } from '@idp/pki'
import type { Container } from '@idp/sandbox'
import { flag, managed, probes } from './process.ts'

const DAY = 86_400_000
const CA_DAYS = 3650
const LEAF_DAYS = 365
/** Renewed when less is left. */
const LOOK_AHEAD = 90 * DAY
const component = 'external-secrets.io/component'

/** The cert-controller: keeps the webhook's certificate in a Secret, and its CA in the webhook configurations. */
export async function runCertController(container: Container): Promise<number> {
  const { client, clock, log, signal, pod, args } = container
  const options = {
    name: flag(args, 'secret-name') ?? 'external-secrets-webhook', namespace: (flag(args, 'secret-namespace') ?? pod.namespace).replace('$(POD_NAMESPACE)', pod.namespace),
    service: flag(args, 'service-name') ?? 'external-secrets-webhook', serviceNamespace: (flag(args, 'service-namespace') ?? pod.namespace).replace('$(POD_NAMESPACE)', pod.namespace),
  }
  const manager: Manager = createManager({ client: managed(client), clock, log, signal, name: 'external-secrets-cert-controller', controllers: certControllers(options) })
  await using _probes = await probes(container, { ready: () => isInjected(manager, options) })
  await manager.started.catch((error: unknown) => { if (!signal.aborted) throw error })
  log.info('external-secrets cert-controller is ready')
  await manager.done
  return signal.aborted ? 0 : 1
}

/** Ready once every configuration trusts the certificate: who waits for this may create stores. */
function isInjected(manager: Manager, { name, namespace }: CertOptions): boolean {
  const bundle = manager.cache(Secret).get(name, namespace)?.data?.['ca.crt']
  return bundle !== undefined && manager.cache(ValidatingWebhookConfiguration).list({ labels: { [component]: 'webhook' } }).every(({ webhooks }) => (webhooks ?? []).every(({ clientConfig }) => clientConfig.caBundle === bundle))
}

export interface CertOptions { readonly name: string; readonly namespace: string; readonly service: string; readonly serviceNamespace: string }

/** The certificate's loop: fills the Secret (the chart makes it empty), and every configuration labelled for the webhook. */
export function certControllers(options: CertOptions): Controller[] {
  const certificate: Controller<Secret> = {
    name: 'webhook-certificate',
    for: Secret,
    concerns: (_before, { metadata }) => metadata.name === options.name && metadata.namespace === options.namespace,
    async reconcile(secret, scope) {
      if (secret.metadata.name !== options.name || secret.metadata.namespace !== options.namespace) return
      const left = lifeLeft(secret, scope.clock)
      if (left > LOOK_AHEAD) return { requeueAfter: Math.min(left - LOOK_AHEAD, DAY) }
      const data = await makeCertificate(options, scope.clock)
      await scope.client.patch(Secret, options.name, { metadata: { resourceVersion: secret.metadata.resourceVersion ?? '' }, data }, { type: 'merge', namespace: options.namespace })
      scope.log.info('made a certificate for the webhook')
      return { requeueAfter: DAY }
    },
  }
  const injection: Controller<ValidatingWebhookConfiguration> = {
    name: 'webhook-ca-injection',
    for: ValidatingWebhookConfiguration,
    watches: [watch(Secret, ({ metadata }, scope) => (metadata.name === options.name && metadata.namespace === options.namespace ? scope.cache(ValidatingWebhookConfiguration).list({ labels: { [component]: 'webhook' } }).map((each) => ({ name: each.metadata.name ?? '' })) : []))],
    async reconcile(configuration, scope) {
      if (configuration.metadata.labels?.[component] !== 'webhook') return
      const bundle = scope.cache(Secret).get(options.name, options.namespace)?.data?.['ca.crt']
      const webhooks = configuration.webhooks ?? []
      if (bundle === undefined || webhooks.every(({ clientConfig }) => clientConfig.caBundle === bundle)) return
      const patch = { metadata: { resourceVersion: configuration.metadata.resourceVersion ?? '' }, webhooks: webhooks.map((webhook) => ({ ...webhook, clientConfig: { ...webhook.clientConfig, caBundle: bundle } })) }
      await scope.client.patch(ValidatingWebhookConfiguration, configuration.metadata.name ?? '', patch as unknown as JsonObject, { type: 'merge' })
    },
  }
  return [certificate, injection] as unknown as Controller[]
}

function lifeLeft(secret: Secret, clock: Clock): number {
  const pem = secret.data?.['tls.crt']
  if (pem === undefined || secret.data?.['tls.key'] === undefined || secret.data['ca.crt'] === undefined) return 0
  try {
    return parseCertificate(Buffer.from(pem, 'base64').toString()).notAfter - clock.now()
  } catch {
    // Something else stands there: it is replaced.
    return 0
  }
}

async function makeCertificate({ service, serviceNamespace }: CertOptions, clock: Clock): Promise<Record<string, string>> {
  const ca = await createCa({ subject: { commonName: 'external-secrets', organizations: ['external-secrets'] }, now: clock.now(), days: CA_DAYS, algorithm: { type: 'ECDSA', size: 256 } })
  const dnsNames = [service, `${service}.${serviceNamespace}`, `${service}.${serviceNamespace}.svc`, `${service}.${serviceNamespace}.svc.cluster.local`]
  const leaf = await issueCertificate({ ca, for: 'server', now: clock.now(), days: LEAF_DAYS, dnsNames })
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  return { 'ca.crt': base64(ca.cert), 'ca.key': base64(ca.key), 'tls.crt': base64(leaf.cert), 'tls.key': base64(leaf.key) }
}
