import { answerJson } from '../answer.ts'
import type { TokenSigner } from './service-account-tokens.ts'

/** OIDC discovery of the token issuer, so that others (Vault, Dex) can check ServiceAccount tokens themselves. */
export function serveIssuer(signer: TokenSigner): (path: string) => Response | undefined {
  return (path) => {
    if (path === '/.well-known/openid-configuration') {
      return answerJson({
        issuer: signer.issuer, jwks_uri: `${signer.issuer}/openid/v1/jwks`, response_types_supported: ['id_token'], subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
      })
    }
    return path === '/openid/v1/jwks' ? answerJson(signer.jwks, 200, { 'content-type': 'application/jwk-set+json', 'cache-control': 'public, max-age=3600' }) : undefined
  }
}
