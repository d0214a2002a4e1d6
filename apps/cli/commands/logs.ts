import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Pod } from '@idp/api'
import type { Client } from '@idp/client'
import { CodedError } from '@idp/kit'
import { clusterClient } from '../cluster-client.ts'
import { engineLog, runningTarget, target, type CommandContext } from '../context.ts'

export interface LogOptions { readonly pod: string; readonly container?: string; readonly follow?: boolean; readonly tail?: number; readonly previous?: boolean }

/** Prints the log of `namespace/pod` (a prefix is enough), or of the engine itself (`engine`). */
export async function logs(context: CommandContext, options: LogOptions): Promise<void> {
  if (options.pod === 'engine') return printFile(engineLog((await target(context)).directory))
  const { directory } = await runningTarget(context)
  const client = await clusterClient(directory)
  const { namespace, name } = await findPod(client, options.pod)
  const query = new URLSearchParams()
  if (options.container !== undefined) query.set('container', options.container)
  if (options.follow === true) query.set('follow', 'true')
  if (options.tail !== undefined) query.set('tailLines', String(options.tail))
  if (options.previous === true) query.set('previous', 'true')
  const response = await client.request(`/api/v1/namespaces/${namespace}/pods/${name}/log?${query}`, { headers: { accept: 'text/plain' }, signal: context.signal })
  if (!response.ok) throw new CodedError({ code: 'NoLog', message: `the log cannot be read: ${((await response.json()) as { message?: string }).message ?? response.status}`, where: `${namespace}/${name}` })
  if (response.body !== null) for await (const chunk of response.body) process.stdout.write(chunk)
}

async function findPod(client: Client, wanted: string): Promise<{ namespace: string; name: string }> {
  const [namespace = '', prefix = ''] = wanted.includes('/') ? wanted.split('/') : ['', wanted]
  const pods = (await client.list(Pod, namespace === '' ? {} : { namespace })).items
  const found = pods.find((pod) => pod.metadata.name === prefix) ?? pods.find((pod) => pod.metadata.name?.startsWith(prefix))
  if (found === undefined) throw new CodedError({ code: 'NoSuchPod', message: `no pod's name begins with '${prefix}'${namespace === '' ? '' : ` in namespace ${namespace}`}`, remedy: "'idp status' lists what runs; 'engine' is the engine's own log" })
  return { namespace: found.metadata.namespace ?? '', name: found.metadata.name ?? '' }
}

async function printFile(file: string): Promise<void> {
  await stat(file)
  for await (const chunk of createReadStream(file)) process.stdout.write(chunk as Uint8Array)
}
