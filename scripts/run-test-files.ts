import { appendFileSync, closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe } from 'node:test'
import { pathToFileURL } from 'node:url'

/**
 * Several processes share test files: each takes the next that nobody took. Loading the product and warming it up costs more than most files
 * themselves, and so no process has more to do than the others at the end.
 */
export interface TestQueue {
  /** A folder in which processes mark what they took. */
  readonly folder: string
  readonly files: readonly string[]
  /** A file that gets a line for each: CPU seconds of the process, seconds, path. */
  readonly times?: string
}

/** Runs what is left of a queue in this process, one file after another, each as a suite that bears its path; hooks of a file run around its own tests. */
export async function runTestFiles({ folder, files, times }: TestQueue, worker: number): Promise<void> {
  // Timers and programs of the product do not keep a process alive; a test may wait for nothing else.
  const alive = setInterval(() => undefined, 60_000)
  for (const file of files) {
    if (!take(folder, file)) continue
    writeFileSync(now(folder, worker), file)
    const began = performance.now()
    const cpu = process.cpuUsage()
    await describe(file, { timeout: 900_000 }, async () => void await import(pathToFileURL(resolve(file)).href))
    const { user, system } = process.cpuUsage(cpu)
    if (times !== undefined) appendFileSync(times, `${((user + system) / 1e6).toFixed(2)} ${((performance.now() - began) / 1000).toFixed(2)} ${file}\n`)
  }
  clearInterval(alive)
}

const now = (folder: string, worker: number): string => join(folder, `now-${worker}`)
const mark = (folder: string, file: string): string => join(folder, `taken-${encodeURIComponent(file)}`)

function take(folder: string, file: string): boolean {
  try {
    closeSync(openSync(mark(folder, file), 'wx'))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** The file that a worker ran last; undefined when it came to none. */
export function lastFile({ folder }: TestQueue, worker: number): string | undefined {
  return existsSync(now(folder, worker)) ? readFileSync(now(folder, worker), 'utf8') : undefined
}

/** Files that no worker came to. */
export function notTaken({ folder, files }: TestQueue): string[] {
  return files.filter((file) => !existsSync(mark(folder, file)))
}
