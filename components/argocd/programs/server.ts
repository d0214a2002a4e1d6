import { Secret } from '@idp/api'
import { getIfExists } from '@idp/controller'
import { CodedError } from '@idp/kit'
import type { Container, ListenOptions } from '@idp/sandbox'
import { createArgoServer } from '../server/create-server.ts'
import { clientOf, ended, healthAndMetrics, portOf, repoServiceOf } from './container-io.ts'

/** argocd-server: API, webhooks and page. Plain HTTP with `server.insecure`, else HTTPS with Secret argocd-server-tls. */
export async function server(container: Container): Promise<number> {
  const { clock, log, net, pod, random, signal } = container
  const client = clientOf(container)
  const argo = await createArgoServer({ client, clock, log, random, signal, namespace: pod.namespace, repo: repoServiceOf(container, 'ARGOCD_SERVER_REPO_SERVER') })
  const options = await tlsOptions(container)
  await using _metrics = await net.listen(portOf(container, 'metrics-port', 8083), { handler: healthAndMetrics(() => argo.metricsText()) })
  await using _api = await net.listen(portOf(container, 'port', 8080), { handler: argo.handler }, options)
  log.info('argocd-server is listening', { port: portOf(container, 'port', 8080), tls: options.tls !== undefined })
  return await ended(container)
}

async function tlsOptions(container: Container): Promise<ListenOptions> {
  if (container.env['ARGOCD_SERVER_INSECURE'] === 'true' || container.args.includes('--insecure')) return {}
  const secret = await getIfExists(clientOf(container), Secret, 'argocd-server-tls', container.pod.namespace)
  const pem = (key: string): string => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString()
  const identity = { cert: pem('tls.crt'), key: pem('tls.key') }
  if (identity.cert === '' || identity.key === '') {
    throw new CodedError({ code: 'TlsCertificateMissing', message: 'argocd-server has no certificate: Secret argocd-server-tls is not there', where: container.pod.name, remedy: 'Create the Secret, or set configs.params.server.insecure: true behind a gateway' })
  }
  return { tls: { identity: () => identity } }
}
