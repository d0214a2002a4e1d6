import type { Route } from '../backend.ts'
import type { Active, ActiveFactory } from './active.ts'
import type { MountTable } from './mounts.ts'
import { approleAuth } from '../auth/approle/approle-backend.ts'
import { certAuth } from '../auth/cert/cert-backend.ts'
import { jwtAuth } from '../auth/jwt/jwt-backend.ts'
import { kubernetesAuth } from '../auth/kubernetes/kubernetes-backend.ts'
import { githubAuth } from '../auth/github-backend.ts'
import { userpassAuth } from '../auth/userpass-backend.ts'
import { identityBackend } from '../identity/identity-backend.ts'
import { cubbyhole } from '../kv/cubbyhole.ts'
import { kvV1 } from '../kv/kv-v1.ts'
import { kvV2 } from '../kv/kv-v2.ts'
import { pki } from '../pki/pki-backend.ts'
import { systemBackend } from '../system/system-backend.ts'
import { tokenBackend } from '../token/token-backend.ts'
import { transit } from '../transit/transit-backend.ts'

/** Every type of secrets engine and auth method that can be mounted. */
export function factories(life: (active: Active) => readonly Route[]): Readonly<Record<MountTable, Readonly<Record<string, ActiveFactory>>>> {
  const kv: ActiveFactory = (context) => (context.options['version'] === '2' ? kvV2(context) : kvV1(context))
  return {
    mounts: { kv, generic: (context) => kvV1(context), cubbyhole, transit: (context) => transit(context), pki: (context) => pki(context), identity: identityBackend, system: systemBackend(life) },
    auth: { token: tokenBackend, kubernetes: kubernetesAuth, approle: approleAuth, userpass: userpassAuth, jwt: jwtAuth, oidc: jwtAuth, github: githubAuth, cert: certAuth },
  }
}
