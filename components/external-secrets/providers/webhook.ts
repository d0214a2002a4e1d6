import { compileJsonPath } from '@idp/api'
import { sprigFunctions } from '@idp/lang-gotemplate'
import type { Random } from '@idp/kit'
import { renderData } from '../engine/apply-template.ts'
import { redact } from '../engine/redact.ts'
import { bytes, bytesOfJson, mapOfJson, type SecretMap } from '../engine/secret-map.ts'
import type { SecretKeyRef } from '../kinds/external-secrets.ts'
import { NoSecretError, type Provider, type ProviderContext } from './provider.ts'
import { readCa, readSecretKey, type CaSource } from './references.ts'

/** `spec.provider.webhook`, and the spec of the generator Webhook. */
export interface WebhookSpec extends CaSource {
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly auth?: object
  readonly result?: { readonly jsonPath?: string }
  readonly secrets?: readonly { readonly name: string; readonly secretRef: SecretKeyRef }[]
}

/** Calls the URL with templates filled in: they see `.remoteRef.key` and, below their names, the keys of the named secrets. Throws NoSecretError for 404. */
export async function callWebhook(spec: WebhookSpec, context: ProviderContext, ref: Readonly<Record<string, string>>, random: Random): Promise<unknown> {
  const values: SecretMap = new Map()
  const data: Record<string, Record<string, string>> = { remoteRef: { ...ref } }
  for (const { name, secretRef } of spec.secrets ?? []) {
    const value = await readSecretKey(context, secretRef)
    data[name] = { [secretRef.key ?? '']: value }
    values.set(`${name}.${secretRef.key ?? ''}`, bytes(value))
  }
  const engine = { functions: sprigFunctions({ random, now: () => context.clock.now() }), now: () => context.clock.now() }
  const fill = (key: string, template: string): string => renderData(engine, { key, text: template, values, data })
  const ca = await readCa(context, spec)
  let response: Response
  try {
    response = await context.fetch(fill('url', spec.url), {
      method: spec.method ?? 'GET', ...(ca === undefined ? {} : { ca }), headers: Object.fromEntries(Object.entries(spec.headers ?? {}).map(([name, value]) => [name, fill(name, value)])),
      ...(spec.body === undefined || spec.body === '' ? {} : { body: fill('body', spec.body) }),
    })
  } catch (error) {
    throw new Error(redact(`failed to call endpoint: ${error instanceof Error ? error.message : String(error)}`, values))
  }
  if (response.status === 404) throw new NoSecretError()
  if (response.status >= 400) throw new Error(`endpoint gave error ${response.status} ${response.statusText}`.trim())
  const raw = await response.text()
  const path = spec.result?.jsonPath
  let parsed: unknown
  try {
    parsed = JSON.parse(raw)
  } catch {
    // Without a path a plain text is the value.
    if (path === undefined || path === '') return raw
    throw new Error('failed to parse response json')
  }
  if (path === undefined || path === '') return parsed
  const found = compileJsonPath(path)(parsed)
  if (found.length === 0) throw new Error('failed to get response path')
  return found.length === 1 ? found[0] : found
}

const specOf = (context: ProviderContext): WebhookSpec => context.store.spec.provider['webhook'] as WebhookSpec

/** Provider `webhook`: any HTTP endpoint that answers JSON. It can only read. */
export function webhookProvider(random: Random): Provider {
  return {
    name: 'webhook', capabilities: 'ReadOnly',
    fault: ({ spec }) => ((spec.provider['webhook'] as WebhookSpec).auth === undefined ? undefined : 'webhook auth (NTLM) is not supported by this stand-in'),
    connect(context) {
      const call = (ref: { key: string; property?: string; version?: string }): Promise<unknown> => callWebhook(specOf(context), context, { key: ref.key, property: ref.property ?? '', version: ref.version ?? '' }, random)
      return {
        getSecret: async (ref) => bytesOfJson(await call(ref)),
        getSecretMap: async (ref) => mapOfJson(bytesOfJson(await call(ref))),
        getAllSecrets: async () => {
          throw new Error('not implemented: provider webhook cannot find secrets')
        },
        validate: async () => 'ready',
      }
    },
  }
}
