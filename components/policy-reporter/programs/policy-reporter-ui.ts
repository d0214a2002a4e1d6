import { untilAborted, type Program } from '@idp/sandbox'
import { CodedError } from '@idp/kit'
import { resultsPage, type PolicyAdvice } from '../engine/page.ts'
import type { ResultRow } from '../engine/results.ts'
import { htmlPage } from './policy-reporter.ts'

/** policy-reporter-ui: the page, from what the reporter's REST API says. Its address is `POLICY_REPORTER_URL`. */
export const policyReporterUi: Program = {
  images: ['ghcr.io/kyverno/policy-reporter-ui'],
  async main({ env, log, net, signal }) {
    const server = env['POLICY_REPORTER_URL'] ?? 'http://policy-reporter:8080'
    const get = async <T>(path: string): Promise<T> => {
      const response = await net.fetch(`${server}${path}`, { signal })
      if (!response.ok) throw new CodedError({ code: 'ReporterFailed', message: `the reporter answered ${response.status}`, where: `${server}${path}` })
      return (await response.json()) as T
    }
    const page = async (query: URLSearchParams): Promise<Response> => {
      const [namespaced, cluster, policies] = await Promise.all([get<{ items: ResultRow[] }>('/v1/namespaced-resources/results'), get<{ items: ResultRow[] }>('/v1/cluster-resources/results'), get<(PolicyAdvice & { name: string })[]>('/v1/policies')])
      return htmlPage(resultsPage([...namespaced.items, ...cluster.items], { advice: new Map(policies.map((one) => [one.name, one])), query }))
    }
    await using _listener = await net.listen(8080, {
      handler: (request) => {
        const { pathname, searchParams } = new URL(request.url)
        return pathname === '/' ? page(searchParams) : pathname === '/healthz' ? new Response('ok') : new Response('not found\n', { status: 404 })
      },
    })
    log.info('policy-reporter-ui is ready', { reporter: server })
    await untilAborted(signal)
    return 0
  },
}
