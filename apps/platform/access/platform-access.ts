import type { Client } from '@idp/client'
import { CodedError, type Clock } from '@idp/kit'
import type { GatewayAddress } from './gateway.ts'
import { secretData } from './credentials.ts'
import { openPlatformRepository, type PlatformRepository } from './platform-repository.ts'

/** Ports of the gateway, on this machine unless there is an address. */
export interface Ports { readonly https: number; readonly http: number; readonly address?: string | undefined }

/** The gateway with the CA that signed its certificate, read from the cluster. Throws CodedError `NoPlatform`. */
export async function platformGateway(client: Client, clusterName: string, ports: Ports): Promise<GatewayAddress> {
  const ca = await secretData(client, 'cert-manager', `${clusterName}-ca-secret`) ?? await secretData(client, 'cert-manager', 'idp-demo-ca-secret')
  const pem = ca?.['tls.crt']
  if (pem === undefined) throw new CodedError({ code: 'NoPlatform', message: "the platform's CA has not been issued yet", where: 'Secret cert-manager/idp-demo-ca-secret', remedy: "Run 'idp up' to its end first" })
  return { address: ports.address ?? '127.0.0.1', httpsPort: ports.https, httpPort: ports.http, ca: pem }
}

/** The platform repository behind that gateway, with the credentials of the Git server. */
export async function platformRepository(client: Client, options: { readonly gateway: GatewayAddress; readonly localDomain: string; readonly clock: Clock; readonly signal?: AbortSignal }): Promise<PlatformRepository> {
  const data = await secretData(client, 'git-system', 'git-credentials')
  if (data?.['username'] === undefined || data['password'] === undefined) throw new CodedError({ code: 'NoPlatform', message: 'the Git server has no credentials yet', where: 'Secret git-system/git-credentials', remedy: "Run 'idp up' to its end first" })
  return openPlatformRepository({
    gateway: options.gateway, host: `git.${options.localDomain}`, credentials: { username: data['username'], password: data['password'] }, clock: options.clock,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
}
