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
  if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'External Secrets needs the token of its ServiceAccount' })
  return client
}

/** `/readyz` and `/healthz` on 8081, `/metrics` on 8080. */
export async function probes({ net, args }: Container, options: { ready(): boolean; render?(): string }): Promise<AsyncDisposable> {
  const port = (name: string, or: number): number => Number(flag(args, name)?.split(':').at(-1) ?? or) || or
  const open = new AsyncDisposableStack()
  open.use(await net.listen(port('healthz-addr', 8081), { handler: () => (options.ready() ? new Response('ok') : new Response('not ready', { status: 503 })) }))
  open.use(await net.listen(port('metrics-addr', 8080), {
    handler: (request) => (new URL(request.url).pathname === '/metrics' ? new Response(options.render?.() ?? '', { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } }) : new Response('not found', { status: 404 })),
  }))
  return open
}
