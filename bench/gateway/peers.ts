import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What a proxy under test is told. */
export interface ProxySetup { readonly directory: string; readonly routes: number; readonly backend: number; readonly plain: number; readonly secure: number; readonly certFile: string; readonly keyFile: string; readonly bundleFile: string }

/** Command line of a peer on one core, with its configuration written. */
export type Peer = (setup: ProxySetup) => Promise<readonly [string, ...string[]]>

const hosts = (routes: number): string[] => Array.from({ length: routes }, (_, i) => `host-${i}.bench.test`)

export const haproxy: Peer = async ({ directory, routes, backend, plain, secure, bundleFile }) => {
  const file = join(directory, 'haproxy.cfg')
  const map = join(directory, 'hosts.map')
  await writeFile(map, hosts(routes).map((host) => `${host} backend`).join('\n'))
  await writeFile(file, `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option forwardfor
frontend web
  bind 127.0.0.1:${plain}
  bind 127.0.0.1:${secure} ssl crt ${bundleFile} alpn h2,http/1.1
  use_backend %[req.hdr(host),field(1,:),lower,map(${map})]
backend backend
  http-reuse always
  server one 127.0.0.1:${backend}
`)
  return ['haproxy', '-db', '-f', file]
}

export const caddy: Peer = async ({ directory, routes, backend, plain, secure, certFile, keyFile }) => {
  const file = join(directory, 'Caddyfile')
  const site = (address: string, tls: string): string => `${address} {\n${tls}\n  reverse_proxy 127.0.0.1:${backend}\n}\n`
  await writeFile(file, `{
  admin off
  auto_https off
  http_port ${plain}
  https_port ${secure}
}
${hosts(routes).map((host) => site(`http://${host}:${plain}`, '')).join('')}${hosts(routes).map((host) => site(`https://${host}:${secure}`, `  tls ${certFile} ${keyFile}`)).join('')}`)
  return ['caddy', 'run', '--config', file, '--adapter', 'caddyfile']
}
