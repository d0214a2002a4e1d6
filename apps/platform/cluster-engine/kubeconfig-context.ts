import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { readKubeconfig } from '@idp/client'
import { formatYaml, parseYaml, type JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'

interface Kubeconfig {
  contexts?: { name: string; context: { cluster: string; user: string } }[]
  clusters?: { name: string; cluster: JsonObject }[]
  users?: { name: string; user: JsonObject }[]
}

export interface ExtractedContext {
  /** A kubeconfig with this one context, everything inline. Secret: write it with mode 0600. */
  readonly kubeconfig: string
  readonly server: string
}

/** Fields that name a file, and the field that takes its contents. */
const files = { 'certificate-authority': 'certificate-authority-data', 'client-certificate': 'client-certificate-data', 'client-key': 'client-key-data' } as const

/**
 * One context of a kubeconfig as a kubeconfig of its own; files it names are read and put inline.
 * Throws CodedError `KubeconfigUnreadable`, `ContextMissing` (with the contexts there are), `AuthPluginRefused`, `KubeconfigInvalid`.
 */
export async function extractContext(file: string, contextName: string | undefined): Promise<ExtractedContext> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new CodedError({ code: 'KubeconfigUnreadable', message: `the kubeconfig cannot be read: ${cause.message}`, where: file, remedy: 'Say which file with --kubeconfig', cause })
  })
  const config = parseYaml(text, { source: file }) as Kubeconfig | null
  const entry = config?.contexts?.find(({ name }) => name === contextName)
  if (contextName === undefined || entry === undefined) throw contextMissing(contextName, config?.contexts?.map(({ name }) => name) ?? [], file)
  const user = config?.users?.find(({ name }) => name === entry.context.user)?.user ?? {}
  const plugin = ['exec', 'auth-provider'].find((field) => field in user)
  if (plugin !== undefined) {
    throw new CodedError({
      code: 'AuthPluginRefused', message: `context '${contextName}' logs in with \`${plugin}\`, which would start a program; idp starts none`, where: file,
      remedy: 'Make a kubeconfig with the token of a ServiceAccount that is bound to cluster-admin (kubectl create token) and give it with --kubeconfig',
    })
  }
  const cluster = config?.clusters?.find(({ name }) => name === entry.context.cluster)?.cluster ?? {}
  const one = formatYaml({
    apiVersion: 'v1', kind: 'Config', 'current-context': contextName, preferences: {},
    clusters: [{ name: entry.context.cluster, cluster: await inline(cluster, file) }], users: [{ name: entry.context.user, user: await inline(user, file) }],
    contexts: [{ name: contextName, context: { ...entry.context } }],
  })
  return { kubeconfig: one, server: readKubeconfig(one, file).network.server }
}

function contextMissing(name: string | undefined, known: readonly string[], file: string): CodedError {
  return new CodedError({
    code: 'ContextMissing', message: name === undefined ? 'which cluster is to be used is not said' : `the kubeconfig has no context '${name}'`, where: file,
    remedy: known.length === 0 ? 'The file has no contexts; say which with --kubeconfig' : `Say it with --context; there are ${known.join(', ')}`,
  })
}

async function inline(entry: JsonObject, kubeconfig: string): Promise<JsonObject> {
  const result = { ...entry }
  const contents = (path: string) => readFile(resolve(dirname(kubeconfig), path)).catch((cause: NodeJS.ErrnoException) => {
    throw new CodedError({ code: 'KubeconfigUnreadable', message: `a file that the kubeconfig names cannot be read: ${cause.message}`, where: kubeconfig, remedy: "Mend the path, or write the contents inline with 'kubectl config view --flatten'", cause })
  })
  for (const [field, data] of Object.entries(files)) {
    if (typeof result[field] !== 'string') continue
    result[data] ??= (await contents(result[field])).toString('base64')
    delete result[field]
  }
  if (typeof result['tokenFile'] === 'string') {
    result['token'] ??= (await contents(result['tokenFile'])).toString('utf8').trim()
    delete result['tokenFile']
  }
  return result
}
