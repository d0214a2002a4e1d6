import { spawn } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

/** The launcher, as a person calls it. */
export const launcher = fileURLToPath(new URL('../../../idp', import.meta.url))
export const root = fileURLToPath(new URL('../../..', import.meta.url))

export interface Said { readonly code: number; readonly out: string; readonly err: string }
export interface RunOptions { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly stdin?: string }

/** Runs a program to its end; never rejects for an exit code. */
export function run(command: string, args: readonly string[], { cwd = root, env = {}, stdin }: RunOptions = {}): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env } })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, out, err }))
    child.stdin.end(stdin)
  })
}

export const idp = (args: readonly string[], options?: RunOptions): Promise<Said> => run(launcher, args, options)

/** A port of this machine that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
