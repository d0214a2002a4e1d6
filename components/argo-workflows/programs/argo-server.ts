import { readFileSync } from 'node:fs'
import { createClient, type Client } from '@idp/client'
import { CodedError } from '@idp/kit'
import { untilAborted, type Program } from '@idp/sandbox'
import { answerApi, problem } from '../server/answer.ts'

const assets = Object.fromEntries([['argo.js', 'text/javascript'], ['argo.css', 'text/css']].map(([name = '', type]) => [`/assets/${name}`, { type: `${type}; charset=utf-8`, body: readFileSync(new URL(`../web/${name}`, import.meta.url)) }]))
const shell = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Argo Workflows</title><link rel="stylesheet" href="/assets/argo.css"><body><script type="module" src="/assets/argo.js"></script></body></html>'
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'"
const pages = /^\/(workflows|workflow-templates|cluster-workflow-templates|cron-workflows|login)?(\/.*)?$/

/** Stands in for the Argo server: the REST API under the server's own account (`server`) or the caller's (`client`), and a page. */
export const argoServer: Program = {
  images: ['quay.io/argoproj/argocli'],
  async main({ args, client, clock, log, net, pod, signal }) {
    if (!args.includes('server')) throw new CodedError({ code: 'ProgramNotFound', message: `the argocli stand-in has the command server alone, not ${JSON.stringify(args[0] ?? '')}`, where: pod.name })
    if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
    if (args.some((arg, index) => arg === '--secure' || arg === '--secure=true' || (arg === '--secure' && args[index + 1] === 'true'))) throw new CodedError({ code: 'Unsupported', message: 'the Argo server stand-in has no TLS of its own', where: pod.name, remedy: 'Set server.secure: false and let the gateway serve HTTPS' })
    const modes = args.flatMap((arg, index) => (arg.startsWith('--auth-mode=') ? arg.slice('--auth-mode='.length) : arg === '--auth-mode' ? args[index + 1] ?? '' : []))
    if (modes.length === 0) modes.push('client')
    const unknown = modes.find((mode) => mode !== 'client' && mode !== 'server')
    if (unknown !== undefined) throw new CodedError({ code: 'Unsupported', message: `auth mode ${unknown} is not supported here`, where: pod.name, remedy: 'Use server or client' })
    /** Who acts: the bearer of the token, else the server itself. */
    const actor = (request: Request): Client | undefined => {
      const token = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '')?.[1]
      if (token !== undefined && modes.includes('client')) return createClient({ transport: (path, init) => client.request(path, init), token, userAgent: 'argo-server' })
      return modes.includes('server') ? client : undefined
    }
    await using _listener = await net.listen(2746, { handler: async (request) => {
      const url = new URL(request.url)
      const asset = assets[url.pathname]
      if (asset !== undefined) return new Response(asset.body, { headers: { 'content-type': asset.type, 'cache-control': 'max-age=300' } })
      if (!url.pathname.startsWith('/api/')) return pages.test(url.pathname) ? new Response(shell, { headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': pagePolicy } }) : new Response('404 page not found\n', { status: 404 })
      const acting = actor(request)
      if (acting === undefined) return problem(401, 'token not valid. see https://argo-workflows.readthedocs.io/en/latest/faq/')
      return answerApi({ client: acting, clock, request, url, signal, path: url.pathname.split('/').slice(3).map(decodeURIComponent) })
    } })
    log.info('Argo server is listening', { port: 2746, modes })
    await untilAborted(signal)
    return 0
  },
}
