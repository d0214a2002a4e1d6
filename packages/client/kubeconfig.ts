import { formatYaml, parseYaml, type JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { NetworkOptions } from './network-transport.ts'

/** What a kubeconfig says about one context. */
export interface KubeconfigContext {
  readonly name: string
  readonly network: NetworkOptions
  readonly token?: string
  readonly namespace?: string
}

interface Kubeconfig {
  'current-context'?: string
  contexts?: { name: string; context: { cluster: string; user: string; namespace?: string } }[]
  clusters?: { name: string; cluster: { server: string; 'certificate-authority-data'?: string; 'insecure-skip-tls-verify'?: boolean; 'tls-server-name'?: string } }[]
  users?: { name: string; user: { token?: string; 'client-certificate-data'?: string; 'client-key-data'?: string } }[]
}

/**
 * Reads one context (the current one by default) of a kubeconfig's text. Throws CodedError `KubeconfigInvalid` naming what is missing;
 * files and exec plug-ins are refused by name, since only inline data is read.
 */
export function readKubeconfig(text: string, where: string, contextName?: string): KubeconfigContext {
  const config = parseYaml(text, { source: where }) as Kubeconfig | null
  const fail = (message: string) => new CodedError({ code: 'KubeconfigInvalid', message, where, remedy: 'write it again with `idp kubeconfig`' })
  const name = contextName ?? config?.['current-context'] ?? ''
  const context = config?.contexts?.find((item) => item.name === name)?.context
  if (context === undefined) throw fail(`the kubeconfig has no context "${name}"`)
  const cluster = config?.clusters?.find((item) => item.name === context.cluster)?.cluster
  if (cluster?.server === undefined) throw fail(`context "${name}" names cluster "${context.cluster}", which is not there or has no server`)
  const user = config?.users?.find((item) => item.name === context.user)?.user ?? {}
  const unread = ['exec', 'auth-provider', 'client-certificate', 'client-key', 'tokenFile'].find((field) => field in user) ?? ('certificate-authority' in cluster ? 'certificate-authority' : undefined)
  if (unread !== undefined) throw fail(`context "${name}" uses \`${unread}\`, which is not supported; only inline data is`)
  const cert = pemOf(user['client-certificate-data'])
  const key = pemOf(user['client-key-data'])
  const ca = pemOf(cluster['certificate-authority-data'])
  return {
    name,
    network: {
      server: cluster.server, ...(ca === undefined ? {} : { ca }), ...(cert === undefined || key === undefined ? {} : { identity: { cert, key } }),
      ...(cluster['insecure-skip-tls-verify'] === true ? { insecure: true } : {}), ...(cluster['tls-server-name'] === undefined ? {} : { serverName: cluster['tls-server-name'] }),
    },
    ...(user.token === undefined ? {} : { token: user.token }), ...(context.namespace === undefined ? {} : { namespace: context.namespace }),
  }
}

export interface KubeconfigOptions {
  /** Name of cluster, user and context. */
  readonly name: string
  readonly server: string
  readonly ca: string
  readonly identity?: { readonly cert: string; readonly key: string }
  readonly token?: string
}

/** A kubeconfig with one context, everything inline. Secret: write it with mode 0600. */
export function writeKubeconfig({ name, server, ca, identity, token }: KubeconfigOptions): string {
  const base64 = (pem: string) => Buffer.from(pem).toString('base64')
  const user: JsonObject = {
    ...(identity === undefined ? {} : { 'client-certificate-data': base64(identity.cert), 'client-key-data': base64(identity.key) }),
    ...(token === undefined ? {} : { token }),
  }
  return formatYaml({
    apiVersion: 'v1', kind: 'Config', 'current-context': name, preferences: {},
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [{ name, user }], contexts: [{ name, context: { cluster: name, user: name } }],
  })
}

function pemOf(base64: string | undefined): string | undefined {
  return base64 === undefined || base64 === '' ? undefined : Buffer.from(base64, 'base64').toString()
}
