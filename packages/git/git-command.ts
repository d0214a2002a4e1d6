import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { CodedError } from '@idp/kit'

/**
 * Settings that every git process gets: nothing of the user's or the machine's configuration, no hooks, no prompts,
 * and no transport that runs a program (`ext::`). Given as environment so that git's own children inherit them.
 */
const settings: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'], ['core.fsmonitor', 'false'], ['core.fsync', 'all'], ['credential.helper', ''],
  ['protocol.allow', 'never'], ['gc.auto', '0'], ['maintenance.auto', 'false'], ['receive.autogc', 'false'],
  ['safe.directory', '*'], ['uploadpack.allowAnySHA1InWant', 'true'], ['http.receivepack', 'true'], ['advice.detachedHead', 'false'],
]

/** The whole environment of a git process; `extra` adds CGI variables. Directories are searched where package managers install git. */
export function gitEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const environment: Record<string, string> = {
    PATH: '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin:/opt/local/bin:/run/current-system/sw/bin',
    LC_ALL: 'C', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '', SSH_ASKPASS: '', GIT_PROTOCOL_FROM_USER: '0', GIT_CONFIG_COUNT: String(settings.length),
  }
  settings.forEach(([key, value], i) => {
    environment[`GIT_CONFIG_KEY_${i}`] = key
    environment[`GIT_CONFIG_VALUE_${i}`] = value
  })
  return { ...environment, ...extra }
}

/** Starts git with an arguments array (no shell). */
export function spawnGit(args: readonly string[], options: { readonly env?: Readonly<Record<string, string>>; readonly signal?: AbortSignal } = {}): ChildProcessWithoutNullStreams {
  return spawn('git', [...args], { env: gitEnvironment(options.env), stdio: 'pipe', ...(options.signal === undefined ? {} : { signal: options.signal }) })
}

export interface RunGitOptions {
  /** A bare repository, or the `.git` of a work tree. */
  readonly dir?: string
  readonly stdin?: Uint8Array | string | AsyncIterable<Uint8Array | string>
  readonly signal?: AbortSignal
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Runs one git command and gives its standard output.
 * Throws CodedError `GitFailed` with what git said, `GitNotFound` where git is not installed.
 */
export async function runGit(args: readonly string[], options: RunGitOptions = {}): Promise<Buffer> {
  const all = options.dir === undefined ? args : [`--git-dir=${options.dir}`, ...args]
  const child = spawnGit(all, options)
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  // A child that ends early closes its input; its exit code says why.
  child.stdin.on('error', () => undefined)
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  const [code] = await Promise.all([ended, feed(child, options.stdin)]).catch((error: unknown) => { throw startFailure(error) })
  if (code !== 0) {
    const said = Buffer.concat(err).toString().trim()
    throw new CodedError({ code: 'GitFailed', message: `git ${args[0] ?? ''} failed: ${said === '' ? `exit code ${code}` : said}`, where: options.dir })
  }
  return Buffer.concat(out)
}

async function feed(child: ChildProcessWithoutNullStreams, stdin: RunGitOptions['stdin']): Promise<void> {
  if (stdin === undefined || typeof stdin === 'string' || stdin instanceof Uint8Array) {
    child.stdin.end(stdin ?? '')
    return
  }
  try {
    for await (const chunk of stdin) {
      if (child.stdin.destroyed) return
      if (!child.stdin.write(chunk)) await new Promise<void>((resolve) => child.stdin.once('drain', resolve).once('close', resolve))
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  child.stdin.end()
}

function startFailure(error: unknown): unknown {
  if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code !== 'ENOENT') return error
  return new CodedError({ code: 'GitNotFound', message: 'the program git is not installed', remedy: 'Install git 2.30 or later with the package manager of this machine', cause: error })
}
