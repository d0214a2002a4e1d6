import { CommanderError } from 'commander'
import { systemClock } from '@idp/kit'
import { buildProgram } from './program.ts'

/** Runs the command that this process was started with. Exit codes: 0 done, 1 not so, 2 wrong usage. */
export async function runCommandLine(): Promise<void> {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort(new Error('interrupted')))
  process.once('SIGTERM', () => stop.abort(new Error('terminated')))
  // A reader that closed the pipe (`idp status | head`) is not a failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

  const argv = process.argv.slice(2)
  const wantsJson = argv.some((word, index) => word === '--output=json' || (word === 'json' && ['--output', '-o'].includes(argv[index - 1] ?? '')))
  const debug = argv.includes('--debug')
  // What a command waits for (a timer of the clock, an idle child process) does not keep Node alive by itself.
  const alive = setInterval(() => {}, 2 ** 30)
  try {
    const program = buildProgram({ environment: process.env, platform: process.platform, clock: systemClock, signal: stop.signal, stdout: process.stdout })
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
    else {
      const { failureEvent, failureText } = await import('./output/failure.ts')
      if (wantsJson) process.stdout.write(`${JSON.stringify(failureEvent(error))}\n`)
      else process.stderr.write(`${failureText(error, { debug, tty: process.stderr.isTTY === true })}\n`)
      process.exitCode = stop.signal.aborted ? 130 : 1
    }
  } finally {
    clearInterval(alive)
  }
}
