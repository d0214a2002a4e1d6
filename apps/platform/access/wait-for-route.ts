import { CodedError, backoff, messageOf, sleep, type Clock } from '@idp/kit'
import { gatewayRequest, type GatewayAddress } from './gateway.ts'

export interface WaitForRouteOptions {
  readonly host: string
  readonly path: string
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/** Resolves when a page behind the gateway answers 200: a data path follows a route's status a moment later. Throws CodedError `RouteNotServed` with the last answer. */
export async function waitForRoute(gateway: GatewayAddress, { host, path, clock, signal, timeoutMs }: WaitForRouteOptions): Promise<void> {
  const deadline = clock.now() + timeoutMs
  for (let failures = 1; ; failures++) {
    const seen = await gatewayRequest(gateway, { host, path, signal }).then(async ({ response }) => {
      await response.body?.cancel()
      return response.status === 200 ? undefined : `status ${response.status}`
    }, (error: unknown) => messageOf(error))
    if (seen === undefined) return
    if (clock.now() > deadline) throw new CodedError({ code: 'RouteNotServed', message: `https://${host}:${gateway.httpsPort}${path} does not answer 200: ${seen}`, where: `HTTPRoute for ${host}`, remedy: "'idp status' and 'idp logs kube-system/cilium-envoy' say more" })
    await sleep(clock, backoff(failures, { initial: 20, max: 1000 }), signal)
  }
}
