import type { Client } from '@idp/client'
import type { AnyObject } from '@idp/formats'
import { platformCredentials } from './credentials.ts'

/** A page behind the gateway. */
export interface PlatformUrl {
  /** First label of the host name, e.g. `argocd`. */
  readonly name: string
  readonly url: string
  /** The same with user and password in it, for tools that take them there (git). */
  readonly urlWithCredentials?: string
  /** Who logs in, and how to read the password. */
  readonly login?: string
}

interface RouteFields { spec?: { hostnames?: string[] } }

/** Every host name that an HTTPRoute serves below a `.localhost` domain, which every browser resolves by itself. */
export async function platformUrls(client: Client, httpsPort: number): Promise<PlatformUrl[]> {
  const kind = (await client.kinds()).find((k) => k.group === 'gateway.networking.k8s.io' && k.kind === 'HTTPRoute')
  if (kind === undefined) return []
  const credentials = await platformCredentials(client)
  const routes = (await client.list(kind)).items as (AnyObject & RouteFields)[]
  const hosts = [...new Set(routes.flatMap((route) => route.spec?.hostnames ?? []).filter((host) => host.endsWith('.localhost') && !host.startsWith('*')))].sort()
  return hosts.map((host) => {
    const name = host.split('.')[0] ?? host
    const login = credentials.find((one) => one.name === name)
    const path = name === 'git' ? '/platform.git' : '/'
    return {
      name, url: `https://${host}:${httpsPort}${path}`,
      ...(login === undefined ? {} : { login: `user ${login.user}, password: idp secret ${name}` }),
      ...(login === undefined || name !== 'git' ? {} : { urlWithCredentials: `https://${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@${host}:${httpsPort}${path}` }),
    }
  })
}
