import { parseYaml } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { parseSeconds } from '@idp/lang-logql'
import { untilAborted, type Program } from '@idp/sandbox'
import { answerLoki, type LokiState } from '../engine/api.ts'
import { keepLines } from '../engine/keep-lines.ts'
import { createLogStore } from '../engine/log-store.ts'

/** Stands in for Loki as a single binary: takes lines, keeps them, answers LogQL. */
export const loki: Program = {
  images: ['docker.io/grafana/loki', 'grafana/loki'],
  async main({ args, clock, files, log, net, pod, signal }) {
    const configFile = args.map((arg) => /^--?config\.file=(.*)$/.exec(arg)?.[1]).find((one) => one !== undefined) ?? '/etc/loki/local-config.yaml'
    const config = await files.readText(configFile)
    const { auth_enabled: auth = true, limits_config: limits = {}, server = {} } = (parseYaml(config, { source: configFile }) ?? {}) as { auth_enabled?: boolean; limits_config?: { retention_period?: string }; server?: { http_listen_port?: number } }
    if (auth) throw new CodedError({ code: 'LokiConfig', message: 'auth_enabled: true (several tenants) is not supported by the stand-in', where: configFile, remedy: 'set loki.auth_enabled to false' })
    const retention = parseSeconds(limits.retention_period ?? '744h')
    if (retention === undefined) throw new CodedError({ code: 'LokiConfig', message: `limits_config.retention_period: not a valid duration: ${limits.retention_period}`, where: configFile })
    const store = createLogStore()
    await using keeper = await keepLines({ files, directory: '/var/loki/chunks', store, clock, log, retention: retention * 1000 })
    const state: LokiState = { store, now: () => clock.now(), take: (streams) => keeper.take(streams), config, startedAt: clock.now() }
    await using _listener = await net.listen(server.http_listen_port ?? 3100, { handler: async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname.startsWith('/loki/api/v1/')) return await answerLoki(request, state) ?? new Response('404 page not found\n', { status: 404 })
      switch (pathname) {
        case '/ready': return new Response('ready\n')
        case '/config': return new Response(config)
        case '/metrics': return new Response(metrics(state), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })
        default: return new Response('404 page not found\n', { status: 404 })
      }
    } })
    log.info('Loki started', { pod: pod.name, streams: store.stats([], -Infinity, Infinity).streams })
    await untilAborted(signal)
    return 0
  },
}

function metrics({ store }: LokiState): string {
  const { streams, chunks, bytes, entries } = store.stats([], -Infinity, Infinity)
  const gauge = (name: string, help: string, value: number): string => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`
  return gauge('loki_ingester_memory_streams', 'The total number of streams in memory.', streams) + gauge('loki_ingester_memory_chunks', 'The total number of chunks in memory.', chunks)
    + gauge('loki_ingester_lines', 'Lines that are kept.', entries) + gauge('loki_ingester_line_bytes', 'Bytes of the lines that are kept.', bytes)
}
