import { sleep } from '@idp/kit'
import type { Program } from '@idp/sandbox'
import { durationMs } from '../engine/names.ts'

/** Stands in for argoproj/argosay, the image of upstream's examples: echo (also into a file), cat, sleep, exit. */
export const argosay: Program = {
  images: ['docker.io/argoproj/argosay'],
  async main({ args, clock, command, files, log, signal, stdout }) {
    const [verb = 'echo', ...rest] = [...command, ...args].filter((word, index) => index > 0 || !/(^|\/)argosay$/.test(word))
    switch (verb) {
      case 'echo': {
        const [text = 'hello argo', file] = rest
        if (file === undefined) stdout(text)
        else await files.write(file, text)
        return 0
      }
      case 'cat':
        for (const file of rest) for (const line of (await files.readText(file)).replace(/\n$/, '').split('\n')) stdout(line)
        return 0
      case 'sleep':
        await sleep(clock, durationMs(rest[0]) ?? 0, signal).catch((error: unknown) => { if (!signal.aborted) throw error })
        return signal.aborted ? 143 : 0
      case 'exit': return Number(rest[0] ?? 0)
      default:
        log.error(`argosay has no command ${JSON.stringify(verb)} and no shell: echo, cat, sleep, exit`)
        return 127
    }
  },
}
