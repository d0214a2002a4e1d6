import type { ActiveFactory } from '../core/active.ts'

/** `identity/`. */
export const identityBackend: ActiveFactory = () => ({ routes: [] })
