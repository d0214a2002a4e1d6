import { isApiError, Secret } from '@idp/api'
import type { Client } from '@idp/client'
import type { JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import { createRegistryClient, imageData, type Credentials, type RegistryClient } from '../engine/images/registry-client.ts'
import type { ImageTrust } from '../engine/images/verify-image.ts'
import type { ImageVerification } from '../kinds/image-verification.ts'

interface Options extends Pick<Container, 'clock' | 'net' | 'signal'> { readonly namespace: string }

/** Registries over the pod's network, with the pull secrets that policies name, and keys from Secrets of the cluster. */
export function imageTrust(client: Client, { clock, net, namespace, signal }: Options): ImageTrust & { data(image: string): Promise<JsonObject> } {
  const registry = (given: ImageVerification['imageRegistryCredentials']): RegistryClient => createRegistryClient({
    fetch: (url, init) => net.fetch(url, { ...init, signal }),
    insecure: () => given?.allowInsecureRegistry === true,
    credentials: (host) => credentialsFor(client, host, (given?.secrets ?? []).map((secret) => (secret.includes('/') ? secret.split('/') : [namespace, secret]) as [string, string])),
  })
  return {
    registry, get now() { return clock.now() },
    data: (image) => imageData(registry(undefined), image),
    async secretKey(of, name) {
      const secret = await client.get(Secret, name, { namespace: of })
      const key = secret.data?.['cosign.pub'] ?? Object.values(secret.data ?? {})[0]
      if (key === undefined) throw new CodedError({ code: 'InvalidKey', message: `Secret ${of}/${name} holds no key`, where: name })
      return Buffer.from(key, 'base64').toString()
    },
  }
}

/** The login for a registry from pull secrets (`kubernetes.io/dockerconfigjson`). */
async function credentialsFor(client: Client, registry: string, secrets: readonly (readonly [namespace: string, name: string])[]): Promise<Credentials | undefined> {
  for (const [namespace, name] of secrets) {
    try {
      const { data } = await client.get(Secret, name, { namespace })
      const { auths = {} } = JSON.parse(Buffer.from(data?.['.dockerconfigjson'] ?? '', 'base64').toString() || '{}') as { auths?: Readonly<Record<string, { readonly auth?: string; readonly username?: string; readonly password?: string }>> }
      const found = Object.entries(auths).find(([host]) => host.replace(/^https?:\/\//, '').split('/')[0] === registry)?.[1]
      if (found === undefined) continue
      if (found.username !== undefined) return { username: found.username, password: found.password ?? '' }
      const [username = '', ...rest] = Buffer.from(found.auth ?? '', 'base64').toString().split(':')
      return { username, password: rest.join(':') }
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error
    }
  }
  return undefined
}
