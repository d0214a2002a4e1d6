import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isApiError } from '@idp/api'
import { createClient, networkTransport, readKubeconfig, type Client, type KubeconfigContext } from '@idp/client'
import { CodedError } from '@idp/kit'
import { renderHelm, type Chart, type Lookup, type Rendering, type RenderOptions } from '@idp/render-helm'
import { all, isOn, one, type Given } from './flags.ts'

/** How often a chart may be rendered until all its lookups are answered. */
const mostPasses = 25

/** The cluster that `--dry-run=server` and `--validate` ask: that of the kubeconfig, with what the flags change of it. */
export async function clusterOf(given: Given): Promise<Client> {
  if (one(given, 'kube-as-user') !== undefined || all(given, 'kube-as-group').length > 0) throw new CodedError({ code: 'FlagRefused', message: '--kube-as-user and --kube-as-group are not supported', remedy: 'Use a kubeconfig of the user' })
  const context = await contextOf(given)
  const caFile = one(given, 'kube-ca-file')
  const serverName = one(given, 'kube-tls-server-name')
  const transport = networkTransport({
    ...context.network, server: one(given, 'kube-apiserver') ?? context.network.server, ...(caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') }),
    ...(isOn(given, 'kube-insecure-skip-tls-verify') ? { insecure: true } : {}), ...(serverName === undefined ? {} : { serverName }),
  })
  const token = one(given, 'kube-token') ?? context.token
  return createClient({ transport, userAgent: 'idp', ...(token === undefined ? {} : { token }) })
}

async function contextOf(given: Given): Promise<Pick<KubeconfigContext, 'network' | 'token'>> {
  const file = one(given, 'kubeconfig') ?? process.env['KUBECONFIG']?.split(':')[0] ?? join(homedir(), '.kube/config')
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    if (one(given, 'kube-apiserver') !== undefined) return undefined
    throw new CodedError({ code: 'KubeconfigMissing', message: 'the cluster that --validate and --dry-run=server ask is unknown', where: file, remedy: 'Name one with --kubeconfig; `idp kubeconfig` prints that of idp\'s cluster', cause })
  })
  return text === undefined ? { network: { server: one(given, 'kube-apiserver') ?? '' } } : readKubeconfig(text, file, one(given, 'kube-context'))
}

/** What the cluster says of itself, unless the flags say otherwise. */
export async function capabilitiesOf(client: Client): Promise<{ kubeVersion: string; apiVersions: string[] }> {
  const { gitVersion } = await (await client.request('/version')).json() as { gitVersion: string }
  const kinds = await client.kinds()
  const versions = kinds.flatMap(({ group, version, kind }) => {
    const apiVersion = group === '' ? version : `${group}/${version}`
    return [apiVersion, `${apiVersion}/${kind}`]
  })
  return { kubeVersion: gitVersion, apiVersions: [...new Set(versions)] }
}

/** Renders with `lookup` answered by the cluster: templates cannot wait, so they run again until nothing new is asked. */
export async function renderWithLookup(chart: Chart, options: RenderOptions, client: Client): Promise<Rendering> {
  const answers = new Map<string, ReturnType<Lookup>>()
  for (let pass = 0; pass < mostPasses; pass++) {
    const asked = new Map<string, Parameters<Lookup>>()
    const lookup: Lookup = (...request) => {
      const key = JSON.stringify(request)
      if (!answers.has(key)) asked.set(key, request)
      return answers.get(key)
    }
    // What fails without an answer may succeed with it.
    const attempt = await renderHelm(chart, { ...options, lookup }).then((rendering) => ({ rendering }), (error: unknown) => ({ error }))
    if (asked.size === 0) {
      if ('rendering' in attempt) return attempt.rendering
      throw attempt.error
    }
    for (const [key, request] of asked) answers.set(key, await look(client, request))
  }
  throw new CodedError({ code: 'TooManyLookups', message: `the chart's lookups depend on each other more than ${mostPasses} times`, where: chart.metadata.name })
}

async function look(client: Client, [apiVersion, kind, namespace, name]: Parameters<Lookup>): Promise<ReturnType<Lookup>> {
  try {
    const found = await client.kindOf(apiVersion, kind)
    const at = namespace === '' ? {} : { namespace }
    if (name !== '') return await client.get(found, name, at) as ReturnType<Lookup>
    const { items, metadata } = await client.list(found, at)
    return { apiVersion, kind: `${kind}List`, metadata, items } as unknown as ReturnType<Lookup>
  } catch (error) {
    if (isApiError(error) && error.code === 404) return undefined
    throw error
  }
}

/** Has the cluster check each object without keeping it. Throws CodedError `ValidationFailed` that names the template. */
export async function validateObjects({ documents }: Rendering, client: Client, namespace: string): Promise<void> {
  for (const { path, object } of documents) {
    try {
      const kind = await client.kindOf(object.apiVersion, object.kind)
      await client.apply(kind, object, { fieldManager: 'helm', dryRun: true, force: true, fieldValidation: 'Strict', ...(object.metadata.namespace === undefined ? { namespace } : {}) })
    } catch (error) {
      if (!isApiError(error)) throw error
      // As with helm, the namespace need not be there yet.
      if (error.code === 404 && /^namespaces? "/.test(error.message)) continue
      throw new CodedError({ code: 'ValidationFailed', message: `unable to build kubernetes objects from release manifest: ${object.kind} ${object.metadata.name}: ${error.message}`, where: path, cause: error })
    }
  }
}
