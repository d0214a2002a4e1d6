import type { Pod } from '@idp/api'
import type { Client } from '@idp/client'
import { ApiError, type Status } from '@idp/api'
import type { Clock } from '@idp/kit'

/** Tokens of pods' ServiceAccounts, bound to the pod; renewed when 80 % of their life is over, as kubelet does. */
export interface TokenSource { token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string> }

interface Held { readonly token: Promise<string>; renewAt: number }

export function createTokenSource(client: Client, clock: Clock): TokenSource {
  const held = new Map<string, Held>()
  return {
    token(pod, audience, expirationSeconds) {
      const key = `${audience ?? ''} ${expirationSeconds}`
      const known = held.get(key)
      if (known !== undefined && clock.now() < known.renewAt) return known.token
      const asked = requestToken(client, pod, audience, expirationSeconds)
      const entry: Held = { token: asked.then((r) => r.token), renewAt: clock.now() + expirationSeconds * 800 }
      held.set(key, entry)
      asked.then(
        ({ expires }) => { entry.renewAt = clock.now() + (expires - clock.now()) * 0.8 },
        () => held.delete(key),
      )
      return entry.token
    },
  }
}

async function requestToken(client: Client, pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<{ token: string; expires: number }> {
  const account = pod.spec.serviceAccountName ?? 'default'
  const response = await client.request(`/api/v1/namespaces/${pod.metadata.namespace}/serviceaccounts/${account}/token`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest',
      spec: { expirationSeconds, ...(audience === undefined ? {} : { audiences: [audience] }), boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid } },
    }),
  })
  const body = (await response.json()) as { status?: { token?: string; expirationTimestamp?: string } }
  if (response.status >= 400 || body.status?.token === undefined) throw ApiError.fromStatus(body as unknown as Partial<Status>, response.status)
  return { token: body.status.token, expires: Date.parse(body.status.expirationTimestamp ?? '') }
}
