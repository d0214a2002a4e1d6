import type { Backend, BackendContext, Route } from '../backend.ts'
import { notFound } from '../vault-error.ts'
import { authorityRoutes } from './authority-routes.ts'
import { createCertificates } from './certificates.ts'
import { createIssuers } from './issuers.ts'
import { issuerRoutes } from './issuer-routes.ts'
import { leafRoutes } from './leaf-routes.ts'
import { nameOf, type PkiEngine } from './pki-engine.ts'
import { defaultRole, readRole, type PkiRole } from './pki-role.ts'
import { publicRoutes } from './public-routes.ts'

/** `pki`: authorities, roles, certificates and revocation. */
export function pki(context: BackendContext): Backend {
  const { storage, clock, random } = context
  const issuers = createIssuers(storage, clock, random)
  const certificates = createCertificates(context, issuers)
  const engine: PkiEngine = { storage, clock, random, issuers, certificates, roleOf: (name) => storage.get<PkiRole>(`role/${name}`) }
  return {
    routes: [...publicRoutes(engine), ...authorityRoutes(engine), ...issuerRoutes(engine), ...roleRoutes(engine), ...leafRoutes(engine)],
    revoke: (internal) => {
      const serial = String(internal['serial_number'])
      if (certificates.find(serial) !== undefined) certificates.revoke(serial)
    },
  }
}

function roleRoutes({ storage, roleOf }: PkiEngine): Route[] {
  return [
    { path: 'roles', list: () => ({ data: { keys: storage.list('role/') } }) },
    {
      path: 'roles/:name', exists: (request) => roleOf(nameOf(request)) !== undefined,
      read: (request) => { const role = roleOf(nameOf(request)); return role === undefined ? undefined : { data: role } },
      write: (request) => { const role = readRole(request.data, defaultRole); storage.put(`role/${nameOf(request)}`, role); return { data: role } },
      patch: (request) => { const known = roleOf(nameOf(request)); if (known === undefined) throw notFound(); const role = readRole(request.data, known); storage.put(`role/${nameOf(request)}`, role); return { data: role } },
      delete: (request) => void storage.delete(`role/${nameOf(request)}`),
    },
  ]
}
