import type { Container } from '@idp/sandbox'

/** Works on one resource at a time, each once however often it was added meanwhile. */
export function createScanQueue(scan: (key: string) => Promise<void>, failed: (key: string, error: unknown) => void, { clock, signal }: Pick<Container, 'clock' | 'signal'>): { add(key: string): void } {
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
  const add = (key: string): void => {
    waiting.add(key)
    if (!running) void run()
  }
  return { add }
}
