import { Secret, isApiError } from '@idp/api'
import type { Client } from '@idp/client'
import type { Random } from '@idp/kit'
import { fieldManager } from './apply-objects.ts'

/** A Secret that is made once and never changed again by a later start. */
interface SeededSecret {
  readonly namespace: string
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  data(random: Random): Readonly<Record<string, string>>
}

const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789'

/** A password of `length` letters and digits, without those that look alike; about 5.8 bits each. */
export function randomPassword(random: Random, length = 24): string {
  let password = ''
  while (password.length < length) {
    // Bytes that would favour the first letters are thrown away.
    for (const byte of random(length)) if (byte < letters.length * Math.floor(256 / letters.length) && password.length < length) password += letters[byte % letters.length]
  }
  return password
}

/** Makes a Secret unless it exists. */
export async function seedSecret(client: Client, random: Random, { namespace, name, labels = {}, data }: SeededSecret): Promise<Readonly<Record<string, string>>> {
  try {
    const found = await client.get(Secret, name, { namespace })
    return decode(found.data ?? {})
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
  const values = data(random)
  try {
    await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, labels: { 'app.kubernetes.io/managed-by': fieldManager, ...labels } }, stringData: { ...values } }, { fieldManager })
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error
    return decode((await client.get(Secret, name, { namespace })).data ?? {})
  }
  return values
}

const decode = (data: Readonly<Record<string, string>>): Record<string, string> => Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]))

/** In-cluster address of the platform repository, as the manifests name it. */
export const repositoryUrl = 'http://git-server.git-system.svc.cluster.local/platform.git'

/** The secrets that must be there before Vault is: access to the Git server, for itself and for Argo CD. */
export async function seedSecrets(client: Client, random: Random): Promise<void> {
  const git = await seedSecret(client, random, { namespace: 'git-system', name: 'git-credentials', data: (r) => ({ username: 'idp', password: randomPassword(r) }) })
  await seedSecret(client, random, {
    namespace: 'argocd', name: 'repository-platform', labels: { 'argocd.argoproj.io/secret-type': 'repository' },
    data: () => ({ type: 'git', url: repositoryUrl, username: git['username'] ?? '', password: git['password'] ?? '' }),
  })
}
