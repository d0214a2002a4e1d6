import { ApiRefusal } from '../api-error.ts'
import { metrics } from '../measures.ts'
import { dateTime, type Routes } from './route.ts'

export const systemRoutes: Routes = {
  'GET /api/system/status': { open: true, run: ({ server }) => ({ id: server.state.id, version: server.version, status: 'UP' }) },
  'GET /api/system/ping': { open: true, run: () => new Response('pong') },
  'GET /api/server/version': { open: true, run: ({ server }) => new Response(server.version) },
  'GET /api/system/health': {
    open: true,
    async run({ request, server }) {
      const passcode = server.passcode()
      const given = request.headers.get('x-sonar-passcode')
      if ((passcode === undefined || given !== passcode) && !await server.accounts.isSignedIn(request)) throw new ApiRefusal('Insufficient privileges', 403)
      return { health: 'GREEN', causes: [] }
    },
  },
  'GET /api/metrics/search': { run: () => ({ metrics: metrics.map((metric, index) => ({ id: String(index + 1), ...metric, qualitative: metric.type === 'RATING', hidden: false })), total: metrics.length, p: 1, ps: 500 }) },
  'GET /api/authentication/validate': { open: true, run: async ({ request, server }) => ({ valid: await server.accounts.isSignedIn(request) }) },
  'POST /api/authentication/login': {
    open: true,
    async run({ params, server }) {
      const session = await server.accounts.signIn(params.need('login'), params.need('password'))
      if (session === undefined) throw new ApiRefusal('Authentication failed', 401)
      const response = new Response(null, { status: 200 })
      for (const cookie of session.cookies) response.headers.append('set-cookie', cookie)
      return response
    },
  },
  'POST /api/authentication/logout': {
    run({ request, server }) {
      server.accounts.signOut(request)
      return new Response(null, { status: 200, headers: { 'set-cookie': 'JWT-SESSION=; Path=/; Max-Age=0' } })
    },
  },
  'GET /api/users/current': { run: () => ({ isLoggedIn: true, login: 'admin', name: 'Administrator', groups: ['sonar-administrators', 'sonar-users'], permissions: { global: ['admin', 'gateadmin', 'scan', 'provisioning'] } }) },
  'POST /api/users/change_password': {
    async run({ params, server: { accounts, save } }) {
      if (params.need('login') !== 'admin') throw new ApiRefusal(`User '${params.need('login')}' doesn't exist: this stand-in has the administrator alone`, 404)
      if (!await accounts.checks('admin', params.get('previousPassword') ?? '')) throw new ApiRefusal('Incorrect password')
      const password = params.need('password')
      // Upstream's rule for new passwords.
      if (password.length < 12 || ![/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].every((one) => one.test(password))) throw new ApiRefusal('Password must have at least 12 characters, with upper and lower case, a digit and a special character')
      await accounts.setPassword(password)
      await save()
    },
  },
  'POST /api/user_tokens/generate': {
    async run({ params, server: { accounts, now, save, state } }) {
      const name = params.need('name')
      if (state.tokens.some((token) => token.name === name)) throw new ApiRefusal(`A user token for login 'admin' and name '${name}' already exists`)
      const token = accounts.newToken(name)
      await save()
      return { login: 'admin', name, token, createdAt: dateTime(now()), type: 'USER_TOKEN' }
    },
  },
  'POST /api/user_tokens/revoke': {
    async run({ params, server: { save, state } }) {
      const index = state.tokens.findIndex(({ name }) => name === params.need('name'))
      if (index >= 0) state.tokens.splice(index, 1)
      await save()
    },
  },
  'GET /api/user_tokens/search': { run: ({ server }) => ({ login: 'admin', userTokens: server.state.tokens.map(({ name, created, used }) => ({ name, createdAt: dateTime(created), ...(used === undefined ? {} : { lastConnectionDate: dateTime(used) }), type: 'USER_TOKEN' })) }) },
}
