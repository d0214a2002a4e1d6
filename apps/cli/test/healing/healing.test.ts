import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ConfigMap, Pod, Secret, StatefulSet } from '@idp/api'
import { eventually, eventuallyOne, temporaryDirectory } from '@idp/testkit'
import { externalSecret, isReady, secretOf, startSecretsCluster, until, valueOf, type SecretsCluster } from '../secrets/secrets-cluster.ts'

/** Vault and External Secrets lose their ground in every way they can; each test leaves the cluster healed for the next. */
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let running: SecretsCluster

before(async () => {
  directory = await temporaryDirectory()
  running = await startSecretsCluster({ dataDir: directory.path })
  await running.vault('POST', 'secret/data/app', { data: { k: 'one' } })
  await running.apply(externalSecret('app', 'app'))
  await arrives('one')
})
after(async () => {
  await running[Symbol.asyncDispose]()
  await directory[Symbol.asyncDispose]()
})

const arrives = (value: string) => eventually(running.client, Secret, (secrets) => secrets.some((secret) => valueOf(secret, 'k') === value), { namespace: 'app', timeoutMs: 60_000 })
const condition = async (): Promise<{ status: string; reason: string } | undefined> => {
  const object = await running.client.get(await running.client.kindOf('external-secrets.io/v1', 'ExternalSecret'), 'app', { namespace: 'app' })
  return (object['status'] as { conditions?: { status: string; reason: string }[] } | undefined)?.conditions?.[0]
}

/** Writes secrets until told to stop, whatever happens to Vault; gives the values that were acknowledged, by path. */
function load(stop: AbortSignal): Promise<Map<string, number>> {
  const acknowledged = new Map<string, number>()
  const worker = async (path: string): Promise<void> => {
    for (let i = 1; !stop.aborted; i++) {
      try {
        if ((await running.vault('POST', `secret/data/load/${path}`, { data: { i } })).status === 200) acknowledged.set(path, i)
      } catch {
        // Nobody listens just now; what was not acknowledged may be lost.
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return Promise.all(['a', 'b', 'c', 'd'].map(worker)).then(() => acknowledged)
}

async function nothingIsLost(acknowledged: ReadonlyMap<string, number>): Promise<void> {
  assert.equal(acknowledged.size, 4)
  for (const [path, i] of acknowledged) {
    const { body } = await running.vault('GET', `secret/data/load/${path}`)
    assert.ok(body.data.data.i >= i, `${path}: ${body.data.data.i} is older than ${i}, which was acknowledged`)
  }
}

test('Vault is sealed: it opens itself by its key file, and secrets flow again', async () => {
  assert.equal((await running.vault('PUT', 'sys/seal')).status, 204)
  assert.equal((await running.vault('GET', 'sys/health')).status, 503)
  await running.unsealed()
  await running.vault('POST', 'secret/data/app', { data: { k: 'after the seal' } })
  await arrives('after the seal')
})

test("Vault's pod is killed under load: it comes back, and nothing that was acknowledged is lost", async () => {
  const stop = new AbortController()
  const loading = load(stop.signal)
  const [before] = await eventually(running.client, Pod, (pods) => pods.some(isReady), { namespace: 'vault-system' })
  await until(async () => (await running.vault('GET', 'secret/data/load/a')).status === 200, 'the load is under way')
  await running.client.delete(Pod, 'vault-0', { namespace: 'vault-system', gracePeriodSeconds: 0 })
  await eventually(running.client, Pod, (pods) => pods.some((pod) => isReady(pod) && pod.metadata.uid !== before?.metadata.uid), { namespace: 'vault-system', timeoutMs: 60_000 })
  await running.unsealed()
  stop.abort()
  await nothingIsLost(await loading)
})

test('Vault is away: Secrets stay and the condition tells; it is back: they follow', async () => {
  const scale = (replicas: number) => running.client.patch(StatefulSet, 'vault', { spec: { replicas } }, { type: 'merge', namespace: 'vault-system' })
  const before = valueOf(await secretOf(running.client, 'app'), 'k')
  await scale(0)
  await eventually(running.client, Pod, (pods) => pods.length === 0, { namespace: 'vault-system', timeoutMs: 60_000 })
  await until(async () => (await condition())?.reason === 'SecretSyncedError', 'the condition tells')
  assert.equal(valueOf(await secretOf(running.client, 'app'), 'k'), before)
  await scale(1)
  await running.unsealed()
  await running.vault('POST', 'secret/data/app', { data: { k: 'after the outage' } })
  await arrives('after the outage')
  await until(async () => (await condition())?.reason === 'SecretSynced', 'the condition is well again')
})

test('Vault is restored from a snapshot: the old values are back, in Vault and in the Secret', async () => {
  await running.vault('POST', 'secret/data/app', { data: { k: 'before the snapshot' } })
  const snapshot = await running.snapshot()
  await running.vault('POST', 'secret/data/app', { data: { k: 'a mistake' } })
  await running.vault('DELETE', 'secret/metadata/load/a')
  await arrives('a mistake')
  assert.equal((await running.vault('POST', 'sys/storage/raft/snapshot-force', snapshot)).status, 204)
  await running.unsealed()
  assert.equal((await running.vault('GET', 'secret/data/load/a')).status, 200)
  await arrives('before the snapshot')
})

test('the API server stops under load and starts again: no write is lost, and the loops go on', async () => {
  const stop = new AbortController()
  const { client, credentials } = running
  const acknowledged: string[] = []
  const writing = Promise.all([1, 2, 3, 4].map(async (worker) => {
    for (let i = 0; !stop.signal.aborted; i++) {
      const name = `load-${worker}-${i}`
      try {
        await client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'app' } })
        acknowledged.push(name)
      } catch {
        return // the server is gone
      }
    }
  }))
  await until(async () => acknowledged.length > 100, 'the load is under way')
  await running[Symbol.asyncDispose]()
  stop.abort()
  await writing
  running = await startSecretsCluster({ dataDir: directory.path, credentials })
  const there = new Set((await running.client.list(ConfigMap, { namespace: 'app' })).items.map(({ metadata }) => metadata.name))
  assert.deepEqual(acknowledged.filter((name) => !there.has(name)), [])
  await running.unsealed()
  await running.vault('POST', 'secret/data/app', { data: { k: 'after the restart' } })
  await arrives('after the restart')
  await running.client.delete(Pod, 'vault-0', { namespace: 'vault-system' })
  await eventuallyOne(running.client, Pod, 'vault-0', (pod) => pod !== undefined && isReady(pod), { namespace: 'vault-system', timeoutMs: 60_000 })
})
