import { messageOf, sleep } from '@idp/kit'
import { untilAborted, type Container, type Program } from '@idp/sandbox'
import { gunzipSync } from 'node:zlib'
import { portOf, readFlags } from './flags.ts'

/** Between two tries to make a server load what it has not loaded yet. */
const retryMs = 2000

/**
 * Stands in for prometheus-config-reloader: unpacks the configuration, puts the environment's values where `$(NAME)` stands, and tells
 * the server to load it again when that or a watched directory has changed. As an init container (watch interval 0) it does so once.
 */
export const configReloader: Program = {
  images: ['quay.io/prometheus-operator/prometheus-config-reloader'],
  async main(container) {
    const { args, log, net, signal } = container
    const flags = readFlags(args)
    const source = flags.get('config-file') ?? ''
    const watched = args.flatMap((arg) => /^--watched-dir=(.+)$/.exec(arg)?.[1] ?? [])
    const reloader = createReloader(container, { source, target: flags.get('config-envsubst-file') ?? '', watched, url: flags.get('reload-url') })
    await reloader.unpack()
    if (flags.get('watch-interval') === '0s') return 0
    await using _listener = await net.listen(portOf(flags.get('listen-address'), 8080), { handler: (request) => new Response(new URL(request.url).pathname === '/healthz' ? 'ok' : 'not found\n', { status: new URL(request.url).pathname === '/healthz' ? 200 : 404 }) })
    for (const folder of [source.slice(0, source.lastIndexOf('/')), ...watched]) {
      void follow(container, folder, reloader.check).catch((error: unknown) => { if (!signal.aborted) log.error('a directory is not followed any more', { folder, error: messageOf(error) }) })
    }
    await untilAborted(signal)
    return 0
  },
}

interface Reloader {
  /** Writes the configuration; gives what it and the watched directories hold. */
  unpack(): Promise<string>
  /** Makes the server load what is new, again and again until it does. */
  check(): Promise<void>
}

function createReloader(container: Container, { source, target, watched, url }: { source: string; target: string; watched: readonly string[]; url: string | undefined }): Reloader {
  const { clock, env, files, log, net, signal } = container
  let loaded: string | undefined
  const unpack = async (): Promise<string> => {
    const bytes = await files.read(source)
    const text = new TextDecoder().decode(source.endsWith('.gz') ? gunzipSync(bytes) : bytes).replace(/\$\(([A-Z_][A-Z0-9_]*)\)/g, (whole, name: string) => env[name] ?? whole)
    // The server reads the file whenever it likes: it is left alone where nothing has changed.
    if (!(await files.exists(target)) || (await files.readText(target)) !== text) await files.write(target, text)
    const parts = [text]
    for (const folder of watched) {
      if (!(await files.exists(folder))) continue
      for (const { name, directory } of await files.list(folder)) if (!directory) parts.push(name, await files.readText(`${folder}/${name}`))
    }
    return parts.join('\n')
  }
  const reload = async (): Promise<void> => {
    if (url === undefined) return
    const response = await net.fetch(url, { method: 'POST', signal })
    if (!response.ok) throw new Error(`${url} answered ${response.status}: ${(await response.text()).trim()}`)
    await response.body?.cancel()
  }
  return {
    unpack,
    async check() {
      while (!signal.aborted) {
        try {
          const now = await unpack()
          if (now === loaded) return
          await reload()
          loaded = now
          log.info('Reload triggered', { cfg_in: source })
          return
        } catch (error) {
          log.error('Failed to trigger reload', { cfg_in: source, error: messageOf(error) })
          await sleep(clock, retryMs, signal)
        }
      }
    },
  }
}

/** Checks once when the directory is being watched, so that nothing falls between, and after every change. */
async function follow({ files, signal }: Container, folder: string, check: () => Promise<void>): Promise<void> {
  const changes = files.watch(folder, signal)[Symbol.asyncIterator]()
  for (let next = changes.next(); ; next = changes.next()) {
    await check()
    if ((await next).done === true) return
  }
}
