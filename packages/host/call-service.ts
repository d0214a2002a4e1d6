import type { CallService } from '@idp/apiserver'
import type { Net } from '@idp/sandbox'

/** How the API server reaches webhooks and aggregated APIs: through the cluster's network, verified against the given CA. */
export function callThrough(net: () => Net | undefined): CallService {
  return async (target, { method, headers, body, caBundle, signal }) => {
    const network = net()
    if (network === undefined) throw new Error('the network of the cluster is starting')
    const url = 'url' in target ? target.url : `https://${target.service.name}.${target.service.namespace}.svc:${target.service.port}${target.service.path.startsWith('/') ? '' : '/'}${target.service.path}`
    return network.fetch(url, { method, headers, signal, redirect: 'manual', ...(body === undefined ? {} : { body: body as string }), ...(caBundle === undefined ? {} : { ca: caBundle }) })
  }
}
