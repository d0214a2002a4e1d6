import { createServer, type Socket } from 'node:net'
import { CodedError, messageOf } from '@idp/kit'
import type { Peer, WebServer } from './handler.ts'
import { portOwner } from './port-owner.ts'
import { tlsAcceptor } from './tls-accept.ts'
import type { TlsOptions } from './tls-options.ts'
import { webConnections, type ConnectionOptions } from './web-connections.ts'

export interface ListenRawOptions {
  /** Address to bind; loopback unless told otherwise. */
  readonly host?: string
  /** 0 for any free one. */
  readonly port: number
  /** Flag or setting that changes the port, for the remedy of `PortTaken`. */
  readonly setting?: string
}

export interface ListenOptions extends ListenRawOptions, ConnectionOptions {
  readonly server: WebServer
  /** Serve HTTPS: HTTP/2 and HTTP/1.1 by ALPN. Plain HTTP/1.1 when absent. */
  readonly tls?: TlsOptions
}

/** An open port; disposing closes it and ends its connections. */
export interface Listening extends AsyncDisposable { readonly port: number }

/** Serves HTTP or HTTPS on a port of the machine. @throws CodedError `PortTaken`, `PortDenied`, `AddressUnknown` */
export async function listen(options: ListenOptions): Promise<Listening> {
  const web = webConnections(options.server, options)
  const tls = options.tls === undefined ? undefined : tlsAcceptor(options.tls, (socket, peer) => {
    web.accept(socket, { peer, scheme: 'https', protocol: socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1' })
  })
  const accept = tls ?? ((socket: Socket, peer: Peer) => web.accept(socket, { peer, scheme: 'http', protocol: 'http/1.1' }))
  const port = await listenRaw(options, accept)
  return {
    port: port.port,
    async [Symbol.asyncDispose]() {
      await Promise.all([port[Symbol.asyncDispose](), web[Symbol.asyncDispose]()])
    },
  }
}

/** Accepts raw connections on a port of the machine. @throws CodedError as `listen` does */
export async function listenRaw(options: ListenRawOptions, accept: (socket: Socket, peer: Peer) => void): Promise<Listening> {
  const { host = '127.0.0.1', port } = options
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy()) // a reset before anyone listens
    accept(socket, { address: (socket.remoteAddress ?? '').replace(/^::ffff:/, '') })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => void bindError(error, host, options).then(reject, reject))
    server.listen({ host, port, backlog: 1024 }, resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    }),
  }
}

async function bindError(error: Error & { code?: string }, host: string, { port, setting }: ListenRawOptions): Promise<Error> {
  const where = `${host}:${port}`
  const other = setting === undefined ? 'choose another port' : `choose another port with ${setting}`
  if (error.code === 'EADDRINUSE') {
    const owner = await portOwner(port)
    const by = owner === undefined ? 'another process' : `${owner.command} (process ${owner.pid})`
    return new CodedError({ code: 'PortTaken', message: `port ${port} on ${host} is taken by ${by}`, where, remedy: `stop it, or ${other}`, cause: error })
  }
  if (error.code === 'EACCES') return new CodedError({ code: 'PortDenied', message: `this user may not listen on port ${port}`, where, remedy: `${other} above 1023`, cause: error })
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') return new CodedError({ code: 'AddressUnknown', message: `this machine has no address ${host}`, where, remedy: 'name one of its addresses', cause: error })
  return new CodedError({ code: 'ListenFailed', message: `cannot listen on ${where}: ${messageOf(error)}`, where, cause: error })
}
