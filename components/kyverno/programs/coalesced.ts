import type { Container } from '@idp/sandbox'

/** Gives a function that calls `run` once, `ms` after its first call: a dozen policies that arrive together are one piece of work. */
export function coalesced({ clock, signal }: Pick<Container, 'clock' | 'signal'>, ms: number, run: () => void): () => void {
  let timer: Disposable | undefined
  return () => {
    timer ??= clock.timer(ms, () => {
      timer = undefined
      if (!signal.aborted) run()
    })
  }
}
