import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { Deployment } from '@idp/api'
import { waitFor } from '@idp/controller'
import type { Clone } from './git-flows.ts'
import type { StartedPlatform } from './started-platform.ts'

interface Verified { readonly arrows: readonly { readonly diagram: string; readonly from: string; readonly to: string; readonly verdict: string; readonly evidence: string }[] }

/** Every arrow of the diagrams, of a platform that is well and of one with a planted fault. */
export function verifyFlows(started: () => { readonly platform: StartedPlatform; readonly clone: Clone }): void {
  let platform: StartedPlatform
  let clone: Clone
  before(() => void ({ platform, clone } = started()))

  const verified = async (...args: readonly string[]): Promise<Verified['arrows']> => {
    const said = await platform.idp('verify', '--output', 'json', ...args)
    return (JSON.parse(said.out.trim().split('\n').at(-1) ?? '{}') as Verified).arrows
  }

  test('idp verify tells of all 134 arrows within a minute; none fails', async () => {
    const began = performance.now()
    const arrows = await verified()
    const spent = (performance.now() - began) / 1000
    const failed = arrows.filter((arrow) => arrow.verdict === 'failed')
    assert.equal(arrows.length, 134)
    assert.deepEqual(failed.map(({ diagram, from, to, evidence }) => `${diagram}: ${from} -> ${to}: ${evidence}`), [])
    const proven = arrows.filter((arrow) => arrow.verdict === 'proven').length
    assert.equal(proven, 134)
    assert.ok(spent < 60, `${spent} s`)
    console.log(`# ${proven} of 134 arrows proven in ${spent.toFixed(1)} s`)
  })

  test('a planted fault fails exactly the arrows concerned', async () => {
    const at = { name: 'argocd-applicationset-controller', namespace: 'argocd' }
    const values = join(clone.path, 'IT', 'argocd', 'values.yaml')
    const before = await readFile(values, 'utf8')
    // Through Git, because Argo CD puts back what is changed by hand in the layer that carries it.
    const scale = async (replicas: number) => {
      await writeFile(values, `${before}applicationSet:\n  replicas: ${replicas}\n`)
      await clone.push(`scale to ${replicas}`)
      await waitFor(platform.client, Deployment, { ...at, until: (object) => object?.spec?.replicas === replicas && (object.status?.availableReplicas ?? 0) === replicas && (object.status?.replicas ?? 0) === replicas, timeoutMs: 60_000 })
    }
    await scale(0)
    const arrows = await verified('--diagram', '13-applicationsets', '14-gateway-exposure')
    await scale(1)
    const failed = arrows.filter((arrow) => arrow.verdict === 'failed')
    assert.deepEqual(new Set(failed.map((arrow) => arrow.diagram)), new Set(['13-applicationsets']))
    assert.equal(failed.length, 7)
  })
}
