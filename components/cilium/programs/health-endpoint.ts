import type { WebServer } from '@idp/http'

/** `/healthz` and `/metrics` of a Cilium process. */
export function healthEndpoint(options: { ready(): boolean; metrics(): string }): WebServer {
  return {
    handler(request) {
      const { pathname } = new URL(request.url)
      if (pathname === '/metrics') return new Response(options.metrics(), { headers: { 'content-type': 'text/plain; version=0.0.4' } })
      if (pathname === '/healthz' || pathname === '/' || pathname === '/ready') return options.ready() ? new Response('ok\n') : new Response('not ready\n', { status: 503 })
      return new Response('not found\n', { status: 404 })
    },
  }
}
