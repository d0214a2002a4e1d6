import { Secret } from '@idp/api'
import { informer } from '@idp/controller'
import type { WebServer } from '@idp/http'
import type { Random } from '@idp/kit'
import { untilAborted, type Container } from '@idp/sandbox'
import { providersByName } from '../providers/providers.ts'
import { validateExternalSecret, validateStore } from '../engine/validate.ts'
import type { ExternalSecret, Store } from '../kinds/external-secrets.ts'
import { flag, managed, probes } from './process.ts'

/** The webhook: validates stores and ExternalSecrets over TLS, with the certificate that the cert-controller (or cert-manager) keeps in a Secret. */
export async function runWebhook(container: Container): Promise<number> {
  const { client, clock, log, signal, pod, args, net, random } = container
  const name = flag(args, 'secret-name') ?? 'external-secrets-webhook'
  let identity: { cert: string; key: string } | undefined
  const arrived = Promise.withResolvers<void>()
  const watching = informer(managed(client), Secret, { clock, log, signal, query: { namespace: pod.namespace, fieldSelector: `metadata.name=${name}` } })
  watching.onChange(({ after }) => {
    const [cert, key] = ['tls.crt', 'tls.key'].map((each) => Buffer.from(after?.data?.[each] ?? '', 'base64').toString())
    if (cert === undefined || key === undefined || cert === '' || key === '') return
    identity = { cert, key }
    arrived.resolve()
  })
  let listening = false
  await using _probes = await probes(container, { ready: () => listening })
  await Promise.race([arrived.promise, untilAborted(signal)])
  const first = identity
  if (signal.aborted || first === undefined) return 0
  await using _listener = await net.listen(Number(flag(args, 'port') ?? 10250), admission(random), { tls: { identity: () => identity ?? first } })
  listening = true
  log.info('external-secrets webhook is ready')
  await untilAborted(signal)
  return 0
}

interface Review { readonly apiVersion: string; readonly request: { readonly uid: string; readonly kind: { readonly kind: string }; readonly operation: string; readonly object?: unknown } }

/** Paths are upstream's: `/validate-external-secrets-io-v1-externalsecret` and so on. */
export function admission(random: Random): WebServer {
  const providers = providersByName(random)
  return {
    async handler(request) {
      const { pathname } = new URL(request.url)
      if (request.method !== 'POST' || !/^\/validate-external-secrets-io-v1(beta1)?-(externalsecret|secretstore|clustersecretstore)$/.test(pathname)) return new Response('not found', { status: 404 })
      const { apiVersion, request: asked } = await request.json() as Review
      const faults = asked.operation === 'DELETE' || asked.object === undefined || asked.object === null ? []
        : asked.kind.kind === 'ExternalSecret' ? validateExternalSecret(asked.object as ExternalSecret) : validateStore(asked.object as Store, providers)
      const response = faults.length === 0 ? { allowed: true } : { allowed: false, status: { status: 'Failure', reason: 'Forbidden', code: 403, message: faults.join('\n') } }
      return Response.json({ apiVersion, kind: 'AdmissionReview', response: { uid: asked.uid, ...response } })
    },
  }
}
