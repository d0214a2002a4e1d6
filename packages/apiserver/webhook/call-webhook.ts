import type { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from '@idp/api'

export type Webhook = NonNullable<MutatingWebhookConfiguration['webhooks']>[number] | NonNullable<ValidatingWebhookConfiguration['webhooks']>[number]

/** Where a call from the API server goes: a Service of the cluster or a URL. */
export type ServiceTarget =
  | { readonly service: { readonly namespace: string; readonly name: string; readonly port: number; readonly path: string } }
  | { readonly url: string }

/** How the API server reaches a webhook, a converter or an aggregated API. Rejects when there is no answer. */
export type CallService = (target: ServiceTarget, request: { readonly method: string; readonly headers: Record<string, string>; readonly body?: Uint8Array | string; readonly caBundle?: string; readonly signal: AbortSignal }) => Promise<Response>

interface ClientConfig { url?: string; caBundle?: string; service?: { namespace: string; name: string; path?: string; port?: number } }

export function targetOf({ url, service }: ClientConfig): ServiceTarget {
  if (service !== undefined) return { service: { namespace: service.namespace, name: service.name, port: service.port ?? 443, path: service.path ?? '/' } }
  return { url: url ?? '' }
}

/** The URL that upstream's messages name. */
export function targetText(target: ServiceTarget, timeoutSeconds: number): string {
  const query = `?timeout=${timeoutSeconds}s`
  if ('url' in target) return target.url + query
  const { namespace, name, port, path } = target.service
  return `https://${name}.${namespace}.svc:${port}${path.startsWith('/') ? path : `/${path}`}${query}`
}

export function caOf({ caBundle }: ClientConfig): { caBundle?: string } {
  return caBundle === undefined || caBundle === '' ? {} : { caBundle: Buffer.from(caBundle, 'base64').toString() }
}
