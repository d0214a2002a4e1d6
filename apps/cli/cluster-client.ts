import { readFile } from 'node:fs/promises'
import { createClient, networkTransport, readKubeconfig, type Client } from '@idp/client'
import { kubeconfigFile } from './context.ts'

/** A client with the administrator's kubeconfig of a cluster. */
export async function clusterClient(directory: string): Promise<Client> {
  const file = kubeconfigFile(directory)
  const { network, token } = readKubeconfig(await readFile(file, 'utf8'), file)
  return createClient({ transport: networkTransport(network), userAgent: 'idp', ...(token === undefined ? {} : { token }) })
}
