import type { Client } from '@idp/client'
import type { Json, JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'

/** Vault's HTTP API, reached through the API server's Service proxy: the same on both engines. */
export interface VaultClient {
  /** The body of the answer, undefined for 404 and for an empty one. Throws CodedError `VaultRefused` with Vault's own errors (never with what was sent). */
  call(method: 'GET' | 'POST' | 'PUT' | 'PATCH', path: string, body?: JsonObject): Promise<JsonObject | undefined>
  /** The same client with a token. */
  as(token: string): VaultClient
}

const service = '/api/v1/namespaces/vault-system/services/vault:8200/proxy/v1'

export function vaultClient(client: Client, token?: string): VaultClient {
  return {
    as: (other) => vaultClient(client, other),
    async call(method, path, body) {
      const headers: Record<string, string> = { ...(token === undefined ? {} : { 'x-vault-token': token }), ...(body === undefined ? {} : { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }) }
      const response = await client.request(`${service}/${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
      const text = await response.text()
      if (response.status === 404) return undefined
      if (!response.ok) throw new CodedError({ code: 'VaultRefused', message: `Vault answers ${response.status}: ${errorsIn(text)}`, where: `${method} ${path}`, remedy: "'idp logs vault-system/vault-0' says more" })
      return text === '' ? undefined : (JSON.parse(text) as JsonObject)
    },
  }
}

function errorsIn(text: string): string {
  try {
    const { errors, message } = JSON.parse(text) as { errors?: Json[]; message?: string }
    return errors?.map(String).join('; ') ?? message ?? text
  } catch {
    return text.slice(0, 200) // not JSON: a proxy on the way answered
  }
}
