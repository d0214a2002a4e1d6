import { CodedError } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import type { HttpConfig } from '../engine/config.ts'

/** Makes requests as a configuration says: CA, client certificate, token or password from files that are read anew each time. */
export function requester({ files, net }: Pick<Container, 'files' | 'net'>, { tls, authorization, basicAuth }: HttpConfig): (url: string, init?: RequestInit) => Promise<Response> {
  const text = async (inline: string | undefined, file: string | undefined): Promise<string | undefined> => inline ?? (file === undefined ? undefined : (await files.readText(file)).trim())
  return async (url, init = {}) => {
    const headers = new Headers(init.headers)
    if (authorization !== undefined) headers.set('authorization', `${authorization.type} ${await text(authorization.credentials, authorization.credentialsFile) ?? ''}`)
    if (basicAuth !== undefined) headers.set('authorization', `Basic ${Buffer.from(`${basicAuth.username}:${await text(basicAuth.password, basicAuth.passwordFile) ?? ''}`).toString('base64')}`)
    const ca = await text(tls.ca, tls.caFile)
    const [cert, key] = [await text(undefined, tls.certFile), await text(undefined, tls.keyFile)]
    if ((cert === undefined) !== (key === undefined)) throw new CodedError({ code: 'InvalidConfig', message: 'cert_file and key_file belong together' })
    return net.fetch(url, { ...init, headers, insecure: tls.insecure, ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }), ...(ca === undefined ? {} : { ca }), ...(cert === undefined || key === undefined ? {} : { clientIdentity: { cert, key } }) })
  }
}
