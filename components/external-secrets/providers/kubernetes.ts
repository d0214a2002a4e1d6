import { ApiError, Secret, type Status } from '@idp/api'
import { deepEqual } from '@idp/formats'
import { pushedMarks } from './push-metadata.ts'
import type { FetchOptions } from '@idp/sandbox'
import { RE2JS } from 're2js'
import { propertyOf } from '../engine/property.ts'
import { bytes, jsonText, mapOfJson, secretMapOf, text, type SecretMap } from '../engine/secret-map.ts'
import type { SecretKeyRef, ServiceAccountRef, Store } from '../kinds/external-secrets.ts'
import { NoSecretError, type Provider, type ProviderContext, type PushTarget } from './provider.ts'
import { readCa, readSecretKey, requestToken, type CaSource } from './references.ts'

interface KubernetesSpec {
  server?: CaSource & { url?: string }
  remoteNamespace?: string
  auth?: { serviceAccount?: ServiceAccountRef; token?: { bearerToken: SecretKeyRef }; cert?: { clientCert: SecretKeyRef; clientKey: SecretKeyRef } }
  authRef?: SecretKeyRef
}
const specOf = (store: Store): KubernetesSpec => store.spec.provider['kubernetes'] as KubernetesSpec

/** Provider `kubernetes`: Secrets of another namespace or cluster, over its API. */
export const kubernetesProvider: Provider = {
  name: 'kubernetes', capabilities: 'ReadWrite',
  fault(store) {
    const { auth, authRef } = specOf(store)
    if (authRef !== undefined) return 'authRef (a kubeconfig) is not supported by this stand-in: use auth'
    return auth === undefined || Object.keys(auth).length === 0 ? 'no credentials provided' : undefined
  },
  connect(context) {
    const { remoteNamespace = 'default' } = specOf(context.store)
    const path = `/api/v1/namespaces/${encodeURIComponent(remoteNamespace)}/secrets`
    const get = async (name: string): Promise<Secret | undefined> => {
      const response = await send(context, `${path}/${encodeURIComponent(name)}`)
      return response === undefined ? undefined : response as unknown as Secret
    }
    const need = async (name: string): Promise<Secret> => {
      const secret = await get(name)
      if (secret === undefined) throw new NoSecretError()
      return secret
    }
    const jsonOf = (secret: Secret): Record<string, string> => Object.fromEntries([...secretMapOf(secret)].map(([key, value]) => [key, text(value)]))
    return {
      async getSecret({ key, property, metadataPolicy }) {
        const secret = await need(key)
        const document: object = metadataPolicy === 'Fetch' ? { labels: secret.metadata.labels ?? {}, annotations: secret.metadata.annotations ?? {} } : jsonOf(secret)
        if (property === undefined || property === '') return bytes(jsonText(document))
        const raw = metadataPolicy === 'Fetch' ? undefined : secretMapOf(secret).get(property)
        const value = raw ?? propertyOf(document, property) ?? nested(document, property)
        if (value === undefined) throw new Error(`property ${property} does not exist in data of secret`)
        return value
      },
      async getSecretMap({ key, property }) {
        const data = secretMapOf(await need(key))
        return property === undefined || property === '' ? data : mapOfJson(data.get(property) ?? new Uint8Array())
      },
      async getAllSecrets({ name, tags }) {
        const pattern = RE2JS.compile(name?.regexp ?? '')
        const list = await send(context, path) as { items?: Secret[] } | undefined
        const all: SecretMap = new Map()
        for (const secret of list?.items ?? []) {
          if (Object.entries(tags ?? {}).every(([tag, value]) => secret.metadata.labels?.[tag] === value) && pattern.matcher(secret.metadata.name ?? '').find()) all.set(secret.metadata.name ?? '', bytes(jsonText(jsonOf(secret))))
        }
        return all
      },
      async fingerprint(what) {
        if ('ref' in what) return (await get(what.ref.key))?.metadata.resourceVersion ?? 'none'
        const list = await send(context, path) as { items?: Secret[] } | undefined
        return (list?.items ?? []).map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).join(',')
      },
      async validate() {
        const review = await send(context, '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { method: 'POST', body: JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace: remoteNamespace } }) })
        const rules = (review?.['status'] as { resourceRules?: { verbs: string[]; resources: string[] }[] } | undefined)?.resourceRules ?? []
        const allowed = rules.some(({ verbs, resources }) => (verbs.includes('get') || verbs.includes('*')) && (resources.includes('secrets') || resources.includes('*')))
        if (!allowed) throw new Error('client is not allowed to get secrets')
        return 'ready'
      },
      ...writing(context, path, get),
    }
  },
}

function nested(document: object, property: string): Uint8Array | undefined {
  const [first = '', ...rest] = property.split('.')
  const value = (document as Record<string, unknown>)[first]
  if (typeof value !== 'string' || rest.length === 0) return undefined
  try {
    return propertyOf(JSON.parse(value) as unknown, rest.join('.'))
  } catch {
    // Not JSON: there is nothing below this key.
    return undefined
  }
}

function writing(context: ProviderContext, path: string, get: (name: string) => Promise<Secret | undefined>) {
  const patch = (name: string, body: object): Promise<unknown> => send(context, `${path}/${encodeURIComponent(name)}`, { method: 'PATCH', headers: { 'content-type': 'application/merge-patch+json' }, body: JSON.stringify(body) })
  return {
    async push(value: Uint8Array, { key, property, metadata, source = {} }: PushTarget): Promise<void> {
      const data = Object.fromEntries([...property === undefined || property === '' ? mapOfJson(value) : new Map([[property, value]])].map(([name, each]) => [name, Buffer.from(each).toString('base64')]))
      const known = await get(key)
      const marks = pushedMarks(metadata, source, known?.metadata ?? {})
      if (known === undefined) await send(context, path, { method: 'POST', body: JSON.stringify({ apiVersion: 'v1', kind: 'Secret', type: source.type ?? 'Opaque', metadata: { name: key, ...marks }, data }) })
      else if (!Object.entries(data).every(([name, each]) => known.data?.[name] === each) || !deepEqual([known.metadata.labels ?? {}, known.metadata.annotations ?? {}], [marks.labels, marks.annotations])) await patch(key, { data, metadata: { labels: replaced(known.metadata.labels, marks.labels), annotations: replaced(known.metadata.annotations, marks.annotations) } })
    },
    async exists({ key, property }: PushTarget): Promise<boolean> {
      const secret = await get(key)
      return secret !== undefined && (property === undefined || property === '' || secret.data?.[property] !== undefined)
    },
    async remove({ key, property }: PushTarget): Promise<void> {
      const secret = await get(key)
      if (secret === undefined) return
      if (property !== undefined && property !== '' && Object.keys(secret.data ?? {}).some((name) => name !== property)) await patch(key, { data: { [property]: null } })
      else await send(context, `${path}/${encodeURIComponent(key)}`, { method: 'DELETE' })
    },
  }
}

/** A merge patch that makes one map of the other. */
function replaced(from: Record<string, string> = {}, to: Record<string, string> = {}): Record<string, string | null> {
  return { ...Object.fromEntries(Object.keys(from).filter((name) => !(name in to)).map((name) => [name, null])), ...to }
}

async function send(context: ProviderContext, path: string, init: FetchOptions = {}): Promise<Record<string, unknown> | undefined> {
  const { server = {}, auth = {} } = specOf(context.store)
  const ca = await readCa(context, server)
  const token = auth.serviceAccount !== undefined ? await requestToken(context, auth.serviceAccount) : auth.token !== undefined ? (await readSecretKey(context, auth.token.bearerToken)).trim() : undefined
  const clientIdentity = auth.cert === undefined ? undefined : { cert: await readSecretKey(context, auth.cert.clientCert), key: await readSecretKey(context, auth.cert.clientKey) }
  const response = await context.fetch(`${(server.url ?? 'https://kubernetes.default').replace(/\/+$/, '')}${path}`, {
    ...init, ...(ca === undefined ? {} : { ca }), ...(clientIdentity === undefined ? {} : { clientIdentity }),
    headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...init.headers as Record<string, string> | undefined },
  })
  const body = await response.json() as Record<string, unknown>
  if (response.status === 404) return undefined
  if (response.status >= 400) throw ApiError.fromStatus(body as Partial<Status>, response.status)
  return body
}
