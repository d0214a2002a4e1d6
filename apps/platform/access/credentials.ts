import { Secret, isApiError } from '@idp/api'
import type { Client } from '@idp/client'

/** User and password of one application. */
export interface Credentials { readonly name: string; readonly user: string; readonly password: string }

/** Where each application keeps them, in upstream's places. */
const sources: readonly { readonly name: string; readonly namespace: string; readonly secret: string; readonly user: { readonly key: string } | { readonly fixed: string }; readonly password: string }[] = [
  { name: 'git', namespace: 'git-system', secret: 'git-credentials', user: { key: 'username' }, password: 'password' },
  { name: 'argocd', namespace: 'argocd', secret: 'argocd-admin-credentials', user: { key: 'username' }, password: 'password' },
  { name: 'grafana', namespace: 'observability', secret: 'grafana-admin-credentials', user: { key: 'admin-user' }, password: 'admin-password' },
  { name: 'vault', namespace: 'vault-system', secret: 'vault-init-keys', user: { fixed: 'root (token)' }, password: 'root-token' },
  { name: 'sonarqube', namespace: 'cicd', secret: 'sonarqube-admin-credentials', user: { fixed: 'admin' }, password: 'password' },
  { name: 'backstage', namespace: 'backstage', secret: 'backstage-app-secrets', user: { fixed: 'platform-admin (token)' }, password: 'backendSecret' },
]

/** Those that exist. */
export async function platformCredentials(client: Client): Promise<Credentials[]> {
  const found = await Promise.all(sources.map(async (source) => {
    const data = await secretData(client, source.namespace, source.secret)
    const password = data?.[source.password]
    if (data === undefined || password === undefined) return []
    const user = 'fixed' in source.user ? source.user.fixed : data[source.user.key] ?? ''
    return [{ name: source.name, user, password }]
  }))
  return found.flat()
}

/** A Secret's decoded values, or undefined when there is none. */
export async function secretData(client: Client, namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    const secret = await client.get(Secret, name, { namespace })
    return Object.fromEntries(Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]))
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined
    throw error
  }
}
