import type { Surroundings, TokenReviewResult } from '../../core/active.ts'
import { isRecord } from '../../fields.ts'
import { VaultError } from '../../vault-error.ts'

/** TokenReview at a configured API server, as the configured reviewer (or as the token under review itself). */
export async function reviewAt(fetch: NonNullable<Surroundings['fetch']>, config: { readonly kubernetes_host: string; readonly kubernetes_ca_cert: string; readonly token_reviewer_jwt: string }, token: string, audiences: readonly string[]): Promise<TokenReviewResult> {
  const response = await fetch(new URL('/apis/authentication.k8s.io/v1/tokenreviews', config.kubernetes_host).href, {
    method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${config.token_reviewer_jwt === '' ? token : config.token_reviewer_jwt}` },
    body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } }), ...(config.kubernetes_ca_cert === '' ? {} : { ca: config.kubernetes_ca_cert }),
  })
  if (response.status === 401 || response.status === 403) throw new VaultError(403, 'permission denied')
  const body: unknown = await response.json()
  if (!isRecord(body) || !isRecord(body['status'])) throw new VaultError(500, 'lookup failed: the API server did not answer with a TokenReview')
  return reviewResult(body['status'])
}

/** The status of a TokenReview. */
export function reviewResult(status: Readonly<Record<string, unknown>>): TokenReviewResult {
  const user = isRecord(status['user']) ? status['user'] : {}
  return {
    authenticated: status['authenticated'] === true, username: String(user['username'] ?? ''), uid: String(user['uid'] ?? ''), audiences: Array.isArray(status['audiences']) ? status['audiences'].map(String) : [],
    extra: isRecord(user['extra']) ? user['extra'] as Record<string, string[]> : {}, ...(typeof status['error'] === 'string' ? { error: status['error'] } : {}),
  }
}
