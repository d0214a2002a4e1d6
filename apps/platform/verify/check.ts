import type { Client } from '@idp/client'
import type { Json } from '@idp/formats'
import type { Clock } from '@idp/kit'

export type Verdict = 'proven' | 'failed' | 'not proven'

/** What a check may use: the Kubernetes API and public protocols, so that it holds on both engines. */
export interface VerifyContext {
  readonly client: Client
  readonly clock: Clock
  readonly signal: AbortSignal
  /** A name no other run uses, for scratch objects: `idp-verify-k3x9`. */
  readonly scratch: string
  /** GET over TLS through the gateway's real port, verified against the platform's CA. `host` is a name without port. */
  readonly throughGateway: GatewayFetch
  readonly domain: { readonly local: string; readonly public: string }
  readonly clusterName: string
  /** Pushes a commit with `files` to `branch` of the platform repository (undefined removes the branch); gives the commit id. */
  pushScratch(branch: string, files: Readonly<Record<string, string>>): Promise<string>
  removeScratch(branch: string): Promise<void>
  /** Directory names below `path` of the deployed branch of the platform repository. */
  repositoryDirectories(path: string): Promise<readonly string[]>
  /** The result of an experiment that several arrows look at, made once per run. */
  once<T>(name: string, experiment: () => Promise<T>): Promise<T>
  /** Undone in reverse order when the run ends, however it ends. */
  cleanUp(undo: () => Promise<void>): void
}

export interface GatewayAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
  /** The certificate the gateway presented. */
  readonly certificate: { readonly subject: string; readonly issuer: string; readonly names: readonly string[]; readonly serial: string; readonly validTo: string }
}

export type GatewayFetch = (host: string, path: string, options?: { readonly plain?: boolean; readonly headers?: Readonly<Record<string, string>> }) => Promise<GatewayAnswer>

/** Proves one arrow and gives the evidence, a sentence with what was seen. Throws Simulated, or anything else for `failed`. */
export type Check = (context: VerifyContext, arguments_: Readonly<Record<string, Json>>) => Promise<string>

/** Thrown by a check when an end of the arrow is simulated: the arrow is then `not proven`, never `proven`. */
export class Simulated extends Error { override readonly name = 'Simulated' }

/** One line of the result: DESIGN §5. */
export interface ArrowResult {
  readonly diagram: string
  readonly from: string
  readonly to: string
  readonly label: string
  readonly verdict: Verdict
  readonly evidence: string
  readonly ms: number
}
