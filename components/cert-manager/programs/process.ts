import type { Client } from '@idp/client'
import { CodedError } from '@idp/kit'
import type { Container } from '@idp/sandbox'

/** Value of `--name=value` or `--name value`; '' for a bare flag. */
export function flag(args: readonly string[], name: string): string | undefined {
  for (const [i, arg] of args.entries()) {
    if (arg.startsWith(`--${name}=`)) return arg.slice(name.length + 3)
    if (arg === `--${name}`) return args[i + 1]?.startsWith('--') === false ? args[i + 1] : ''
  }
  return undefined
}

/** The client that a control loop cannot do without. */
export function managed(client: Client | undefined): Client {
  if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'cert-manager needs the token of its ServiceAccount' })
  return client
}

/** `/livez` and `/healthz` on one port, `/metrics` on another. */
export async function probes({ net }: Container, options: { readonly health: number; readonly metrics: number; ready(): boolean; render?(): string }): Promise<AsyncDisposable> {
  const open = new AsyncDisposableStack()
  open.use(await net.listen(options.health, { handler: () => (options.ready() ? new Response('ok') : new Response('not ready', { status: 503 })) }))
  open.use(await net.listen(options.metrics, {
    handler: (request) => (new URL(request.url).pathname === '/metrics' ? new Response(options.render?.() ?? '', { headers: { 'content-type': 'text/plain; version=0.0.4' } }) : new Response('not found', { status: 404 })),
  }))
  return open
}
