import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { readKubeconfig } from '@idp/client'
import { jsonLog, sleep, systemRandom } from '@idp/kit'
import { loadDiagrams } from '@idp/platform'
import { execOver, startConsole, type Console } from '../../console/index.ts'
import { clusterClient } from '../cluster-client.ts'
import { installation, kubeconfigFile, runningTarget, type CommandContext } from '../context.ts'

export interface ConsoleFlags {
  readonly port?: number
  readonly open?: boolean
  readonly print?: boolean
  readonly verdicts?: string
  /** Seconds after which it ends by itself. */
  readonly for?: number
}

/** Serves the console until Ctrl-C. The link is good for one browser; Enter prints another. */
export async function consoleOf(context: CommandContext, flags: ConsoleFlags): Promise<void> {
  const { directory, name, record } = await runningTarget(context)
  const { clock, signal } = context
  const file = kubeconfigFile(directory)
  const { network, token } = readKubeconfig(await readFile(file, 'utf8'), file)
  await using served = await startConsole({
    client: await clusterClient(directory), exec: execOver({ ...network, token }), clock, random: systemRandom, signal, log: jsonLog(clock, (line) => void process.stderr.write(line), context.debug ? 'debug' : 'error'),
    diagrams: await loadDiagrams(join(installation, 'apps', 'platform', 'diagrams')), cluster: { name, engine: record.engine }, port: flags.port ?? 0, verdicts: flags.verdicts ?? join(directory, 'verify.json'),
  })
  const url = served.link()
  context.report.result(flags.print === true ? url : `${url}\n\nThe link is good for one browser${context.tty ? '; Enter prints another' : ''}. Ctrl-C ends the console.`, { url, port: served.port, cluster: name })
  if (flags.open === true) openBrowser(url)
  const ended = flags.for === undefined ? untilAborted(signal) : sleep(clock, flags.for * 1_000, signal).catch(() => {})
  using _more = moreLinks(context, served)
  await ended
}

function openBrowser(url: string): void {
  const opener = process.platform === 'darwin' ? 'open' : process.platform === 'win32' ? 'explorer' : 'xdg-open'
  // Where there is none, the printed link is what there is.
  execFile(opener, [url], () => {})
}

/** On a terminal each Enter prints a new link. */
function moreLinks({ tty, report }: CommandContext, served: Console): Disposable {
  if (!tty || process.stdin.isTTY !== true) return { [Symbol.dispose]: () => {} }
  const lines = createInterface({ input: process.stdin })
  lines.on('line', () => report.result(served.link(), {}))
  return { [Symbol.dispose]: () => lines.close() }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
