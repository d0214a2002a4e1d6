import { Secret } from '@idp/api'
import type { Client } from '@idp/client'
import { CodedError } from '@idp/kit'
import type { Registries } from '../../../components/kyverno/engine/apply-policies.ts'
import { createRegistryClient, imageData } from '../../../components/kyverno/engine/images/registry-client.ts'
import type { ImageTrust } from '../../../components/kyverno/engine/images/verify-image.ts'
import { celImageSource } from '../../../components/kyverno/programs/cel-image-source.ts'

/** Registries over the network, without logins (`--registry`). Keys in Secrets are read from the cluster, where there is one. */
export function openRegistries(now: () => number, client: Client | undefined): Registries {
  const trust: ImageTrust = {
    get now() { return now() },
    registry: (given) => createRegistryClient({ fetch: (url, init) => fetch(url, init), insecure: () => given?.allowInsecureRegistry === true }),
    async secretKey(namespace, name) {
      const { data } = (await client?.get(Secret, name, { namespace })) ?? {}
      const key = data?.['cosign.pub'] ?? Object.values(data ?? {})[0]
      if (key === undefined) throw new CodedError({ code: 'InvalidKey', message: `Secret ${namespace}/${name} holds no key, or there is no cluster to read it from`, where: name, remedy: 'Look at a cluster with --cluster' })
      return Buffer.from(key, 'base64').toString()
    },
  }
  return { trust, imageData: (image) => imageData(trust.registry(undefined), image), cel: celImageSource(trust) }
}
