import { isApiError, Secret } from '@idp/api'
import type { Scope } from '@idp/controller'
import { uuid } from '@idp/kit'
import type { Generate } from '../controllers/provider-data.ts'
import { contextOf } from '../controllers/store.ts'
import type { Operator } from '../controllers/operator.ts'
import { bytes, bytesOfJson, jsonText, mapOfJson, secretMapOf, text, type SecretMap } from '../engine/secret-map.ts'
import type { GeneratorRef, Store } from '../kinds/external-secrets.ts'
import { openSession, type VaultRequest } from '../providers/vault/vault-session.ts'
import type { VaultSpec } from '../providers/vault/vault-spec.ts'
import { callWebhook, type WebhookSpec } from '../providers/webhook.ts'
import { oneTimeCode, type OneTimeCodeSpec } from './one-time-code.ts'
import { passwords, type PasswordSpec } from './password.ts'
import { sshKey, type SshKeySpec } from './ssh-key.ts'

interface DynamicSpec { readonly path: string; readonly method?: string; readonly parameters?: object; readonly resultType?: 'Data' | 'Auth' | 'Raw'; readonly provider: VaultSpec; readonly allowEmptyResponse?: boolean }
type Spec = Record<string, unknown>
interface Task { readonly spec: Spec; readonly namespace: string; readonly scope: Scope; readonly operator: Operator }

const generators: Readonly<Record<string, (task: Task) => Promise<SecretMap> | SecretMap>> = {
  Password: ({ spec, operator }) => new Map(passwords(spec as PasswordSpec, operator.random).map(([key, value]) => [key, bytes(value)])),
  UUID: ({ operator }) => new Map([['uuid', bytes(uuid(operator.random))]]),
  Fake: ({ spec }) => new Map(Object.entries((spec['data'] ?? {}) as Record<string, string>).map(([key, value]) => [key, bytes(value)])),
  async Webhook({ spec, namespace, scope, operator }) {
    return mapOfJson(bytesOfJson(await callWebhook(spec as unknown as WebhookSpec, contextOf(storeFor('webhook', spec, namespace), namespace, operator, scope), {}, operator.random)))
  },
  VaultDynamicSecret: dynamic,
  SSHKey: async ({ spec, operator }) => new Map(Object.entries(await sshKey(spec as SshKeySpec, operator.random)).map(([key, value]) => [key, bytes(value)])),
  async MFA({ spec, namespace, scope, operator }) {
    const { secret } = spec as unknown as OneTimeCodeSpec
    const seed = secretMapOf(await scope.client.get(Secret, secret.name, { namespace })).get(secret.key)
    if (seed === undefined) throw new Error(`secret key ${secret.key} does not exist in secret data map`)
    return new Map(Object.entries(oneTimeCode(spec as unknown as OneTimeCodeSpec, text(seed), operator.clock.now())).map(([key, value]) => [key, bytes(value)]))
  },
}

/** Makes values by generators.external-secrets.io objects; ClusterGenerator names one of them. */
export function generatorFor(operator: Operator): Generate {
  return async (ref, namespace, scope) => {
    const task = await read(ref, namespace, scope)
    const make = generators[task.kind]
    if (make === undefined) throw new Error(`error using generator: ${task.kind} is not supported by this stand-in (${Object.keys(generators).join(', ')} are)`)
    return make({ spec: task.spec, namespace, scope, operator })
  }
}

async function read({ apiVersion = 'generators.external-secrets.io/v1alpha1', kind, name }: GeneratorRef, namespace: string, { client }: Scope): Promise<{ kind: string; spec: Spec }> {
  try {
    const object = await client.get(await client.kindOf(apiVersion, kind), name, kind === 'ClusterGenerator' ? {} : { namespace })
    const spec = (object['spec'] ?? {}) as Spec
    if (kind !== 'ClusterGenerator') return { kind, spec }
    const chosen = String(spec['kind'])
    const inner = (spec['generator'] ?? {}) as Spec
    return { kind: chosen, spec: (inner[`${inClusterGenerator[chosen] ?? `${chosen[0]?.toLowerCase() ?? ''}${chosen.slice(1)}`}Spec`] ?? {}) as Spec }
  } catch (error) {
    if (isApiError(error, 'NotFound')) throw new Error(`unable to get generator ${kind} "${name}": ${error.message}`, { cause: error })
    throw error
  }
}

/** Kinds whose field in a ClusterGenerator does not follow from their name. */
const inClusterGenerator: Readonly<Record<string, string>> = { UUID: 'uuid', MFA: 'mfa', SSHKey: 'sshKey' }

/** A generator's provider as a store, for what reads stores. */
function storeFor(provider: string, config: unknown, namespace: string): Store {
  return { apiVersion: 'external-secrets.io/v1', kind: 'SecretStore', metadata: { name: 'generator', namespace }, spec: { provider: { [provider]: config } } }
}

async function dynamic({ spec, namespace, scope, operator }: Task): Promise<SecretMap> {
  const { path, method = 'GET', parameters, resultType = 'Data', provider, allowEmptyResponse } = spec as unknown as DynamicSpec
  const session = await openSession(contextOf(storeFor('vault', provider, namespace), namespace, operator, scope))
  const request: VaultRequest = method === 'GET' ? {} : { method: method === 'LIST' ? 'GET' : method === 'POST' ? 'PUT' : method, ...(method === 'LIST' ? { query: { list: 'true' } } : method === 'DELETE' ? {} : { body: parameters ?? {} }) }
  const answer = await session.request(path.replace(/^\/+/, ''), request)
  if (answer === undefined || Object.keys(answer).length === 0) {
    if (allowEmptyResponse === true) return new Map()
    throw new Error('empty response from Vault')
  }
  const part = resultType === 'Raw' ? answer : resultType === 'Auth' ? answer['auth'] : answer['data']
  return mapOfJson(bytes(jsonText(part ?? {})))
}
