import type { Client } from '@idp/client'
import { messageOf, type Clock, type Log, type Random } from '@idp/kit'
import type { PlatformConfig } from '../config/config.ts'
import { gatewayRequest, type GatewayAddress } from '../access/gateway.ts'
import type { PlatformRepository } from '../access/platform-repository.ts'
import type { GatewayFetch, VerifyContext } from './check.ts'

export interface ContextOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
  readonly config: Pick<PlatformConfig, 'domain' | 'branch' | 'cluster'>
  readonly gateway: GatewayAddress
  readonly repository: PlatformRepository
}

/** Milliseconds a request through the gateway may take. */
const requestTimeout = 10_000

/** A context for one run; disposing undoes what the run made, in reverse order, and logs what could not be undone. */
export function createVerifyContext(options: ContextOptions): VerifyContext & AsyncDisposable {
  const experiments = new Map<string, Promise<unknown>>()
  const undo: (() => Promise<void>)[] = []
  const { client, clock, signal, config, repository } = options
  return {
    client, clock, signal, domain: config.domain, clusterName: config.cluster.name,
    scratch: `idp-verify-${Buffer.from(options.random(4)).toString('hex')}`,
    throughGateway: gatewayFetch(options),
    pushScratch: (branch, files) => repository.commit(branch, files, 'A scratch change of idp verify'),
    removeScratch: (branch) => repository.remove(branch),
    repositoryDirectories: (path) => repository.directories(config.branch, path),
    once<T>(name: string, experiment: () => Promise<T>): Promise<T> {
      const known = experiments.get(name) as Promise<T> | undefined
      if (known !== undefined) return known
      const run = experiment()
      experiments.set(name, run)
      return run
    },
    cleanUp: (step) => void undo.push(step),
    async [Symbol.asyncDispose]() {
      for (const step of undo.reverse()) await step().catch((error: unknown) => options.log.warn(`a scratch object of verify could not be removed: ${messageOf(error)}`))
    },
  }
}

function gatewayFetch({ gateway, clock }: ContextOptions): GatewayFetch {
  return async (host, path, { plain = false, headers = {} } = {}) => {
    const late = new AbortController()
    const timer = clock.timer(requestTimeout, () => late.abort(new Error(`no answer within ${requestTimeout / 1000} s`)))
    try {
      const { response, certificate } = await gatewayRequest(gateway, { host, path, plain, headers, signal: late.signal })
      const body = await response.text()
      return { status: response.status, headers: response.headers, body, certificate: certificate ?? { subject: '', issuer: '', names: [], serial: '', validTo: '' } }
    } finally {
      timer[Symbol.dispose]()
    }
  }
}
