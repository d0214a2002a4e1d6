import { untilAborted, type Program } from '@idp/sandbox'
import { challengePath, SOLVER_PORT } from '../engine/acme/solver-objects.ts'
import { flag } from './process.ts'

/** acmesolver: answers one HTTP-01 challenge, for one domain and token. */
export const acmesolver: Program = {
  images: ['quay.io/jetstack/cert-manager-acmesolver'],
  async main({ args, net, log, signal }) {
    const [domain = '', token = '', key = ''] = ['domain', 'token', 'key'].map((name) => flag(args, name))
    const port = Number(flag(args, 'listen-port') ?? SOLVER_PORT)
    await using _listener = await net.listen(port, {
      handler(request) {
        const { pathname } = new URL(request.url)
        const host = (request.headers.get('host') ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
        if (pathname === '/' || pathname === '/healthz') return new Response('OK')
        if (host !== domain || pathname !== challengePath(token)) {
          log.info('not the challenge', { host, pathname })
          return new Response(`invalid domain or path: ${host}${pathname}\n`, { status: 404 })
        }
        return new Response(key, { headers: { 'content-type': 'text/plain' } })
      },
    })
    log.info('starting listener', { domain, port })
    await untilAborted(signal)
    return 0
  },
}
