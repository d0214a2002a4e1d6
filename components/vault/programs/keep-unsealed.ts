import { messageOf, type Clock, type Log } from '@idp/kit'
import type { Vault } from '../engine/core/vault.ts'

/** How soon a sealed server tries its key file. */
export const unsealAfterMs = 5000

/** While this is not disposed, a server that was sealed (by a call, or because its storage failed) unseals itself by its key file; without the file it stays sealed. */
export function keepUnsealed(vault: Vault, clock: Clock, log: Log): Disposable {
  let timer = clock.timer(unsealAfterMs, look)
  let ended = false
  function look(): void {
    void again().finally(() => { if (!ended) timer = clock.timer(unsealAfterMs, look) })
  }
  async function again(): Promise<void> {
    if (vault.active !== undefined || vault.keys.config() === undefined) return
    try {
      if (await vault.autoUnseal()) log.info('unsealed by the key file')
    } catch (error) {
      log.warn('the key file does not unseal', { error: messageOf(error) })
    }
  }
  return {
    [Symbol.dispose]() {
      ended = true
      timer[Symbol.dispose]()
    },
  }
}
