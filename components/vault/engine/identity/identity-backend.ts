import type { ActiveFactory } from '../core/active.ts'
import { aliasRoutes } from './alias-routes.ts'
import { entityRoutes } from './entity-routes.ts'
import { groupRoutes } from './group-routes.ts'
import { lookupRoutes } from './lookup-routes.ts'
import { oidcRoutes } from './oidc-routes.ts'

/** `identity/`: entities, groups, their aliases, lookups, and identity tokens. */
export const identityBackend: ActiveFactory = (context, active) => ({
  routes: [...oidcRoutes(context, active), ...lookupRoutes(active), ...entityRoutes(active), ...aliasRoutes(active), ...groupRoutes(active)],
})
