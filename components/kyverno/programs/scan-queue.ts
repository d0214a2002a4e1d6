import type { Container } from '@idp/sandbox'
import { coalesced } from './coalesced.ts'

/** Works on one resource at a time, each once however often it was added meanwhile. With `delayMs` what is added waits that long for more. */
export function createScanQueue(scan: (key: string) => Promise<void>, failed: (key: string, error: unknown) => void, { clock, signal, delayMs = 0 }: Pick<Container, 'clock' | 'signal'> & { readonly delayMs?: number }): { add(key: string): void } {
  const waiting = new Set<string>()
  let running = false
  const run = async (): Promise<void> => {
    running = true
    for (const key of waiting) {
      if (signal.aborted) break
      waiting.delete(key)
      await scan(key).catch((error: unknown) => {
        if (signal.aborted) return
        failed(key, error)
        clock.timer(5_000, () => add(key))
      })
    }
    running = false
  }
  const start = delayMs === 0 ? () => void run() : coalesced({ clock, signal }, delayMs, () => { if (!running) void run() })
  const add = (key: string): void => {
    waiting.add(key)
    if (!running) start()
  }
  return { add }
}
