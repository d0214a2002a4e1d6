import type { Kind } from '@idp/api'
import type { Controller } from '@idp/controller'
import type { KubeObject } from '@idp/formats'
import type { Clock, Random } from '@idp/kit'
import type { FetchOptions } from '@idp/sandbox'
import { createMetrics, type Metrics } from '../engine/metrics.ts'
import { templateFunctions } from '../engine/template-functions.ts'
import { ClusterSecretStore, names, SecretStore } from '../kinds/external-secrets.ts'
import type { Dial } from '../providers/provider.ts'
import { providersByName } from '../providers/providers.ts'
import { generatorFor } from '../generators/generate.ts'
import { clusterExternalSecretController, clusterPushSecretController } from './cluster-wide.ts'
import { externalSecretController } from './external-secret.ts'
import type { Operator } from './operator.ts'
import { pushSecretController } from './push-secret.ts'
import { storeController } from './store.ts'

export interface Surroundings {
  readonly clock: Clock
  readonly random: Random
  fetch(url: string, options?: FetchOptions): Promise<Response>
  /** Raw connections, for servers that tell of changes. */
  readonly dial?: Dial | undefined
  ownToken(): Promise<string>
}

/** All control loops of the operator, and its metrics. */
export function createControllers({ clock, random, fetch, dial, ownToken }: Surroundings): { readonly controllers: Controller[]; readonly metrics: Metrics } {
  const now = (): number => clock.now()
  const metrics = createMetrics()
  const operator: Operator = { providers: providersByName(random), engine: { functions: templateFunctions({ random, now }), now }, metrics, clock, random, fetch, dial, ownToken }
  const generate = generatorFor(operator)
  const controllers = [
    storeController(SecretStore, operator), storeController(ClusterSecretStore, operator),
    externalSecretController(operator, generate), pushSecretController(operator, generate), clusterExternalSecretController(operator), clusterPushSecretController(operator),
  ]
  return { controllers: controllers as unknown as Controller[], metrics }
}

/** The cache keeps no values of Secrets that are not ours. */
export function trimSecret(kind: Kind, object: KubeObject): KubeObject {
  if (kind.kind !== 'Secret' || kind.group !== '' || object.metadata.labels?.[names.managed] === 'true') return object
  const { apiVersion, kind: name, metadata } = object
  return { apiVersion, kind: name, metadata } as KubeObject
}
