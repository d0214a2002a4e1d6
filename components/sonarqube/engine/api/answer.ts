import { ApiRefusal } from '../api-error.ts'
import { gateRoutes } from './gates.ts'
import { issueRoutes } from './issues.ts'
import { projectRoutes } from './projects.ts'
import { paramsOf, type Routes, type Server } from './route.ts'
import { systemRoutes } from './system.ts'

const routes: Routes = { ...systemRoutes, ...projectRoutes, ...issueRoutes, ...gateRoutes }
/** Bytes of a request's body that are read. */
const mostBytes = 20_000_000

const refused = (message: string, status: number): Response => Response.json({ errors: [{ msg: message }] }, { status })

/** Answers a request below `/api/`. Errors are `{errors: [{msg}]}`, as upstream's. */
export async function answerApi(request: Request, server: Server): Promise<Response> {
  const url = new URL(request.url)
  const path = url.pathname.replace(/\/$/, '')
  const route = Object.hasOwn(routes, `${request.method} ${path}`) ? routes[`${request.method} ${path}`] : undefined
  if (route === undefined) return Object.hasOwn(routes, `${request.method === 'GET' ? 'POST' : 'GET'} ${path}`) ? refused(`HTTP method ${request.method} is not allowed`, 405) : refused(`Unknown url : ${path}`, 404)
  if (route.open !== true && !await server.accounts.isSignedIn(request)) return refused('Authentication is required', 401)
  if (Number(request.headers.get('content-length') ?? 0) > mostBytes) return refused(`more than ${mostBytes} bytes are not taken`, 413)
  try {
    const form = (request.headers.get('content-type') ?? '').startsWith('application/x-www-form-urlencoded') ? new URLSearchParams(await request.text()) : []
    const answer = await route.run({ request, server, params: paramsOf(new URLSearchParams([...url.searchParams, ...form])) })
    return answer instanceof Response ? answer : answer === undefined ? new Response(null, { status: 204 }) : Response.json(answer)
  } catch (error) {
    if (error instanceof ApiRefusal) return refused(error.message, error.status)
    throw error
  }
}
