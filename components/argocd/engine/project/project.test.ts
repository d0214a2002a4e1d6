import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppProject } from '../../kinds/app-project.ts'
import type { Application } from '../../kinds/application.ts'
import { globMatches } from './glob.ts'
import { permitsDestination, permitsKind, permitsSource } from './permits.ts'
import { syncWindowVerdict } from './sync-windows.ts'

for (const [pattern, text, separator, expected] of [
  ['*', 'a/b', '', true], ['*', 'a/b', '/', false], ['**', 'a/b', '/', true], ['a/*', 'a/b', '/', true], ['a/*/c', 'a/b/c', '/', true], ['{a,b}/x', 'b/x', '', true],
  ['[ab]c', 'bc', '', true], ['[!ab]c', 'bc', '', false], ['a?c', 'abc', '', true], ['a.c', 'abc', '', false], ['', 'x', '', false], ['{K8s/*/set.yaml,P/a.yaml}', 'K8s/obs/set.yaml', '', true],
] as const) {
  test(`glob ${pattern} ${text}`, () => assert.equal(globMatches(pattern, text, separator), expected))
}

const project = (spec: AppProject['spec']): AppProject => ({ apiVersion: 'argoproj.io/v1alpha1', kind: 'AppProject', metadata: { name: 'p' }, spec })
const server = 'https://kubernetes.default.svc'

test('sources, destinations and kinds', () => {
  const sources = project({ sourceRepos: ['https://git.example.org/team/*', '!https://git.example.org/team/secret'] })
  assert.equal(permitsSource(sources, { repoURL: 'https://git.example.org/team/a.git' }), true)
  assert.equal(permitsSource(sources, { repoURL: 'https://git.example.org/team/secret' }), false)
  assert.equal(permitsSource(sources, { repoURL: 'https://git.example.org/other/a' }), false)
  const places = project({ destinations: [{ server: '*', namespace: 'team-*' }, { server: '*', namespace: '!team-prod' }] })
  assert.deepEqual(['team-a', 'team-prod', 'x'].map((namespace) => permitsDestination(places, { server, namespace })), [true, false, false])
  assert.equal(permitsDestination(project({ destinations: [{ name: 'in-cluster', namespace: '*' }] }), { server, namespace: 'x' }), true)
  const kinds = project({ clusterResourceWhitelist: [{ group: '*', kind: 'Namespace' }], namespaceResourceBlacklist: [{ group: '', kind: 'Secret' }] })
  assert.deepEqual([['', 'Namespace', false], ['rbac.authorization.k8s.io', 'ClusterRole', false], ['', 'Secret', true], ['apps', 'Deployment', true]].map(([group, kind, namespaced]) => permitsKind(kinds, { group: String(group), kind: String(kind), namespaced: namespaced === true })), [true, false, false, true])
})

const app = { metadata: { name: 'web' }, spec: { project: 'p', destination: { server, namespace: 'prod' } } } as unknown as Application
const noon = Date.parse('2026-03-02T12:30:00Z') // a Monday
const daily = { schedule: '0 12 * * *', duration: '1h', applications: ['*'] }

for (const [name, windows, automatic, manual] of [
  ['none', [], true, true], ['of another application', [{ ...daily, kind: 'deny', applications: ['db'] }], true, true],
  ['allow, open', [{ ...daily, kind: 'allow' }], true, true], ['allow, shut', [{ ...daily, kind: 'allow', schedule: '0 8 * * *' }], false, false],
  ['allow, shut, manual', [{ ...daily, kind: 'allow', schedule: '0 8 * * *', manualSync: true }], false, true],
  ['deny, open', [{ ...daily, kind: 'deny' }], false, false], ['deny, open, manual', [{ ...daily, kind: 'deny', manualSync: true }], false, true],
  ['deny wins', [{ ...daily, kind: 'deny' }, { ...daily, kind: 'allow' }], false, false], ['deny, over', [{ ...daily, kind: 'deny', duration: '20m' }], true, true],
  ['in a time zone', [{ ...daily, kind: 'deny', schedule: '0 7 * * 1', timeZone: 'America/New_York' }], false, false],
  ['both conditions', [{ ...daily, kind: 'deny', namespaces: ['stage'], andOperator: true }], true, true], ['a schedule that is none', [{ ...daily, kind: 'deny', schedule: 'noon' }], false, false],
] as const) {
  test(`sync windows: ${name}`, () => {
    const verdict = (isManual: boolean) => syncWindowVerdict(project({ syncWindows: windows as never }), app, noon, isManual).maySync
    assert.deepEqual([verdict(false), verdict(true)], [automatic, manual])
  })
}
