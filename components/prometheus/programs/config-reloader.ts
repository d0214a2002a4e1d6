import { messageOf } from '@idp/kit'
import { untilAborted, type Container, type Program } from '@idp/sandbox'
import { gunzipSync } from 'node:zlib'
import { portOf, readFlags } from './flags.ts'

/**
 * Stands in for prometheus-config-reloader: unpacks the configuration, puts the environment's values where `$(NAME)` stands, and tells
 * the server to load it again. As an init container (watch interval 0) it does so once.
 */
export const configReloader: Program = {
  images: ['quay.io/prometheus-operator/prometheus-config-reloader'],
  async main(container) {
    const { args, files, log, net, signal } = container
    const flags = readFlags(args)
    const source = flags.get('config-file') ?? ''
    const once = flags.get('watch-interval') === '0s'
    let written = await unpack(container, source, flags.get('config-envsubst-file') ?? '')
    if (once) return 0
    await using _listener = await net.listen(portOf(flags.get('listen-address'), 8080), { handler: (request) => new Response(new URL(request.url).pathname === '/healthz' ? 'ok' : 'not found\n', { status: new URL(request.url).pathname === '/healthz' ? 200 : 404 }) })
    const url = flags.get('reload-url')
    const follow = async (): Promise<void> => {
      for await (const _ of files.watch(source.slice(0, source.lastIndexOf('/')), signal)) {
        try {
          const next = await unpack(container, source, flags.get('config-envsubst-file') ?? '')
          if (next === written) continue
          if (url !== undefined) {
            const response = await net.fetch(url, { method: 'POST', signal })
            if (!response.ok) throw new Error(`${url} answered ${response.status}: ${(await response.text()).trim()}`)
          }
          written = next
          log.info('Reload triggered', { cfg_in: source })
        } catch (error) {
          log.error('Failed to trigger reload', { cfg_in: source, error: messageOf(error) })
        }
      }
    }
    void follow().catch((error: unknown) => { if (!signal.aborted) log.error('the configuration is not followed any more', { error: messageOf(error) }) })
    await untilAborted(signal)
    return 0
  },
}

async function unpack({ files, env }: Container, source: string, target: string): Promise<string> {
  const bytes = await files.read(source)
  const text = new TextDecoder().decode(source.endsWith('.gz') ? gunzipSync(bytes) : bytes).replace(/\$\(([A-Z_][A-Z0-9_]*)\)/g, (whole, name: string) => env[name] ?? whole)
  await files.write(target, text)
  return text
}
