/** The policy engine: admission reviews through the webhook's handler (in process, no socket) under 1, 50 and 500 policies, and a background scan of 10,000 resources by 50. */
import type { AnyObject } from '@idp/formats'
import { silentLog } from '@idp/kit'
import type { ContextSource } from '../components/kyverno/engine/context.ts'
import { validateResource } from '../components/kyverno/engine/evaluate.ts'
import { resourceReport } from '../components/kyverno/engine/report.ts'
import type { PolicyObject } from '../components/kyverno/kinds/policy.ts'
import { admissionHandler } from '../components/kyverno/programs/admission-server.ts'
import type { Bench, BenchResult } from './main.ts'

const scanned = 10_000
const scanPolicies = 50
const note = 'no peer: the kyverno CLI is on no registry this machine reaches'

const source: ContextSource = { configMap: async () => ({ data: {} }), api: async () => ({ items: [] }) }

/** Four shapes of rules in turn: a label, no latest tag, limits with anchors, a denial with variables. Each names pods, so each has rules derived for controllers. */
function policy(index: number): PolicyObject {
  const validates = [
    { message: 'a team is needed', pattern: { metadata: { labels: { team: '?*' } } } },
    { message: 'no latest tag', pattern: { spec: { containers: [{ image: '!*:latest & *:*' }] } } },
    { message: 'memory is limited', pattern: { spec: { containers: [{ '(name)': '*', resources: { limits: { memory: '<=4Gi' } } }] } } },
    { message: 'not in {{ request.namespace }}', deny: { conditions: { any: [{ key: "{{ request.object.metadata.labels.tier || '' }}", operator: 'AnyIn', value: ['forbidden', `forbidden-${index}`] }, { key: '{{ length(request.object.spec.containers || `[]`) }}', operator: 'GreaterThan', value: 20 }] } } },
  ]
  return {
    apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata: { name: `policy-${index}`, generation: 1 },
    spec: { validationFailureAction: 'Enforce', background: true, rules: [{ name: 'check', match: { any: [{ resources: { kinds: ['Pod'] } }] }, exclude: { any: [{ resources: { namespaces: ['kube-*'] } }] }, validate: validates[index % validates.length] ?? {} }] },
  }
}

const podSpec = { containers: [0, 1].map((one) => ({ name: `c${one}`, image: `registry.example.org/team/app-${one}:1.2.${one}`, resources: { limits: { memory: '512Mi' } } })) }
function resource(index: number): AnyObject {
  const metadata = { name: `app-${index}`, namespace: `team-${index % 20}`, uid: `uid-${index}`, labels: { team: 'a', tier: 'web' } }
  if (index % 2 === 0) return { apiVersion: 'v1', kind: 'Pod', metadata, spec: podSpec } as unknown as AnyObject
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 2, template: { metadata: { labels: metadata.labels }, spec: podSpec } } } as unknown as AnyObject
}

async function admission(count: number, reviews: number): Promise<BenchResult[]> {
  const policies = Array.from({ length: count }, (_, index) => policy(index))
  const handler = admissionHandler({ log: silentLog, source, policies: () => policies, exceptions: () => [], namespaceLabels: () => ({}), decided: () => undefined })
  const review = async (index: number): Promise<number> => {
    const object = resource(index)
    const body = JSON.stringify({ request: { uid: String(index), operation: 'CREATE', namespace: object.metadata.namespace, object, oldObject: null, kind: { group: '', version: 'v1', kind: object.kind }, userInfo: { username: 'bench', groups: [] } } })
    const began = performance.now()
    const answer = (await (await handler(new Request('http://kyverno/validate/fail', { method: 'POST', body }), { signal: new AbortController().signal } as never)).json()) as { response: { allowed: boolean } }
    if (!answer.response.allowed) throw new Error('the benchmark\'s resource was refused')
    return performance.now() - began
  }
  for (let i = 0; i < reviews / 10; i++) await review(i)
  const times: number[] = []
  const began = performance.now()
  for (let i = 0; i < reviews; i++) times.push(await review(i))
  const seconds = (performance.now() - began) / 1000
  times.sort((a, b) => a - b)
  return [{ name: `admission decisions, ${count} policies`, value: reviews / seconds, unit: '/s', note }, { name: `admission p99, ${count} policies`, value: times[Math.floor(times.length * 0.99)] ?? 0, unit: 'ms', note }]
}

async function scan(): Promise<BenchResult> {
  const policies = Array.from({ length: scanPolicies }, (_, index) => policy(index))
  const byName = new Map(policies.map((one) => [one.metadata.name ?? '', one]))
  const resources = Array.from({ length: scanned }, (_, index) => resource(index))
  const began = performance.now()
  let results = 0
  for (const object of resources) {
    const found = []
    const request = { object }
    for (const one of policies) found.push(...(await validateResource(one, request, source)))
    results += (resourceReport(object, found, byName, 0).results ?? []).length
  }
  const seconds = (performance.now() - began) / 1000
  if (results !== scanned * scanPolicies) throw new Error(`the scan gave ${results} results, expected ${scanned * scanPolicies}`)
  return { name: `background scan, ${scanned} resources × ${scanPolicies} policies, reports made`, value: seconds, unit: 's', note: 'goal 10 s; reports not written to an API server' }
}

/** Runs the benchmark. */
export async function run(): Promise<Bench> {
  return { bench: 'policy', results: [...(await admission(1, 5_000)), ...(await admission(50, 2_000)), ...(await admission(500, 300)), await scan()] }
}
