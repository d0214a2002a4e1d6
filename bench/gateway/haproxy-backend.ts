import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startOn, type Running } from './running.ts'

/** An HTTP server on core 1 that answers everything with the same bytes and takes little of the core. */
export async function haproxyBackend(program: string, directory: string, bytes: number, port: number): Promise<Running> {
  const [config, body] = [join(directory, 'backend.cfg'), join(directory, 'body')]
  await writeFile(body, 'x'.repeat(bytes))
  await writeFile(config, `global
  nbthread 1
  maxconn 4096
  tune.bufsize ${bytes + 32_768}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend web
  bind 127.0.0.1:${port}
  http-request return status 200 content-type text/plain file ${body}
`)
  return startOn(1, program, ['-db', '-f', config], { ports: [port] })
}
