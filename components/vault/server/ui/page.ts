import { respond } from '@idp/http'
import { pageHtml } from './page-html.ts'
import { pageScript } from './page-script.ts'
import { pageStyle } from './page-style.ts'

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

const files: Readonly<Record<string, { readonly type: string; readonly body: string }>> = {
  '/ui/': { type: 'text/html; charset=utf-8', body: pageHtml },
  '/ui/app.js': { type: 'text/javascript; charset=utf-8', body: pageScript },
  '/ui/app.css': { type: 'text/css; charset=utf-8', body: pageStyle },
}

/** The page to browse, edit and compare secrets. It holds nothing: all it shows it asks of the API with the user's token. */
export function page(request: Request, url: URL): Response | undefined {
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
  if (url.pathname === '/' || url.pathname === '/ui') return new Response(null, { status: 307, headers: { location: '/ui/' } })
  const path = url.pathname.startsWith('/ui/vault') ? '/ui/' : url.pathname // links of upstream's page
  const file = Object.hasOwn(files, path) ? files[path] : undefined
  if (file === undefined) return undefined
  return respond(request.method === 'HEAD' ? '' : file.body, { headers: { 'content-type': file.type, 'cache-control': 'no-store', 'content-security-policy': policy, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' } })
}
