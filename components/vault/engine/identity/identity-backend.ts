import type { ActiveFactory } from '../core/active.ts'
import { aliasRoutes } from './alias-routes.ts'
import { entityRoutes } from './entity-routes.ts'
import { groupRoutes } from './group-routes.ts'
import { lookupRoutes } from './lookup-routes.ts'

/** `identity/`: entities, groups, their aliases, and lookups. */
export const identityBackend: ActiveFactory = (_context, active) => ({
  routes: [...lookupRoutes(active), ...entityRoutes(active), ...aliasRoutes(active), ...groupRoutes(active)],
})
