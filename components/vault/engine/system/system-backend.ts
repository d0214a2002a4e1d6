import type { Route } from '../backend.ts'
import type { ActiveFactory } from '../core/active.ts'
import type { Active } from '../core/active.ts'
import { auditRoutes } from './audit-routes.ts'
import { leaseRoutes } from './lease-routes.ts'
import { mountRoutes } from './mount-routes.ts'
import { policyRoutes } from './policy-routes.ts'
import { toolRoutes } from './tool-routes.ts'
import { wrappingRoutes } from './wrapping-routes.ts'

/** `sys/` of an unsealed Vault. What belongs to the life of the server itself (seal, rekey, snapshots) is handed in. */
export function systemBackend(life: (active: Active) => readonly Route[]): ActiveFactory {
  return (_context, active) => ({
    routes: [...life(active), ...policyRoutes(active), ...leaseRoutes(active), ...wrappingRoutes(active), ...toolRoutes(active), ...auditRoutes(active), ...mountRoutes(active)],
  })
}
