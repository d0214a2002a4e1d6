import { Namespace } from '@idp/api'
import { createClient, handlerTransport, type Client } from '@idp/client'
import { fakeClock, silentLog, seededRandom, type Clock, type FakeClock, type Log, type Random } from '@idp/kit'
import { memoryStore, type Store } from '@idp/store'
import type { AdmissionPlugin } from './admission/admission.ts'
import type { NodeProxy } from './node/node-proxy.ts'
import type { CallService } from './webhook/call-webhook.ts'
import { createApiServer, type ApiServer } from './create-api-server.ts'


export interface TestApi extends AsyncDisposable {
  /** A client that may do everything. */
  readonly client: Client
  readonly server: ApiServer
  readonly store: Store
  /** The clock the server runs on; the fake one unless another was given. */
  readonly clock: Clock
  readonly fake: FakeClock
}

export interface TestApiOptions {
  readonly clock?: Clock
  readonly log?: Log
  readonly random?: Random
  readonly store?: Store
  readonly admission?: readonly AdmissionPlugin[]
  /** Service accounts, limits, quota, namespaces that must exist …: off unless asked for. */
  readonly builtInAdmission?: boolean
  readonly nodes?: NodeProxy
  readonly callService?: CallService
  /** Namespaces to begin with, besides `default`, `kube-system`, `kube-public` and `kube-node-lease`. */
  readonly namespaces?: readonly string[]
}

/** An API server in memory without authentication, for tests of what talks to one: no socket, no disk, a clock that stands still. */
export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const fake = fakeClock()
  const clock = options.clock ?? fake
  const store = options.store ?? memoryStore()
  const server = createApiServer({
    store, clock, log: options.log ?? silentLog, random: options.random ?? seededRandom(), authorization: 'alwaysAllow', builtInAdmission: options.builtInAdmission ?? false,
    authenticate: () => ({ name: 'system:admin', groups: ['system:masters', 'system:authenticated'] }), admission: options.admission ?? [],
    ...(options.nodes === undefined ? {} : { nodes: options.nodes }), ...(options.callService === undefined ? {} : { callService: options.callService }),
  })
  await server.started
  const client = createClient({ transport: handlerTransport(server.handler), userAgent: 'test' })
  for (const name of options.namespaces ?? []) {
    await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  }
  return {
    client, server, store, clock, fake,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}
