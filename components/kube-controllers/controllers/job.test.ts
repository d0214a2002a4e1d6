import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Job, Pod } from '@idp/api'
import { formatIndexes, parseIndexes } from '../engine/index-set.ts'
import { jobController } from './job.ts'
import { jobOrphanPodController } from './job-orphan-pods.ts'
import { ttlAfterFinishedController } from './ttl-after-finished.ts'
import { template, workbench, type Workbench } from '../testing/workbench.ts'

const job = (spec: Partial<NonNullable<Job['spec']>> = {}): Job => ({
  apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'work', namespace: 'default' }, spec: { template: template({}, { restartPolicy: 'Never' }), ...spec } as NonNullable<Job['spec']>,
})
const start = () => workbench([jobController, jobOrphanPodController, ttlAfterFinishedController])
const conditions = async (bench: Workbench) => ((await bench.get(Job, 'work')).status?.conditions ?? []).filter((c) => c.status === 'True').map((c) => `${c.type} ${c.reason}`)
const finish = (bench: Workbench, phase: 'Succeeded' | 'Failed', which: (pod: Pod) => boolean = () => true, exitCode = phase === 'Failed' ? 1 : 0) => bench.runPods(
  (pod) => which(pod) && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed',
  { phase, containerStatuses: [{ name: 'main', image: 'busybox', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode, finishedAt: new Date(bench.clock.now()).toISOString() } } }] },
)

test('a job runs its completions with its parallelism, tracks them with finalizers, and completes', async () => {
  await using bench = await start()
  await bench.client.create(Job, job({ completions: 3, parallelism: 2 }))
  await bench.settle()
  let pods = await bench.list(Pod)
  assert.equal(pods.length, 2)
  assert.ok(pods.every((pod) => pod.metadata.finalizers?.includes('batch.kubernetes.io/job-tracking') && pod.metadata.labels?.['job-name'] === 'work'))
  assert.equal((await bench.get(Job, 'work')).status?.active, 2)
  await finish(bench, 'Succeeded')
  pods = await bench.list(Pod)
  assert.equal(pods.length, 3)
  assert.equal((await bench.get(Job, 'work')).status?.succeeded, 2)
  await finish(bench, 'Succeeded')
  const { status } = await bench.get(Job, 'work')
  assert.deepEqual([status?.succeeded, status?.active, status?.uncountedTerminatedPods], [3, undefined, {}])
  assert.deepEqual(await conditions(bench), ['SuccessCriteriaMet CompletionsReached', 'Complete CompletionsReached'])
  assert.ok(status?.completionTime)
  assert.ok((await bench.list(Pod)).every((pod) => (pod.metadata.finalizers ?? []).length === 0))
  assert.ok((await bench.events()).includes('Completed: Job completed'))
})

test('failures back off, and too many fail the job', async () => {
  await using bench = await start()
  await bench.client.create(Job, job({ backoffLimit: 1 }))
  await bench.settle()
  await finish(bench, 'Failed')
  assert.equal((await bench.list(Pod)).length, 1)
  await bench.advance(10_000)
  assert.equal((await bench.list(Pod)).length, 2)
  await finish(bench, 'Failed')
  assert.deepEqual(await conditions(bench), ['FailureTarget BackoffLimitExceeded', 'Failed BackoffLimitExceeded'])
  assert.equal((await bench.get(Job, 'work')).status?.failed, 2)
  assert.ok((await bench.events()).includes('BackoffLimitExceeded: Job has reached the specified backoff limit'))
})

test('an indexed job gives every index once', async () => {
  await using bench = await start()
  await bench.client.create(Job, job({ completions: 3, parallelism: 3, completionMode: 'Indexed' }))
  await bench.settle()
  const pods = await bench.list(Pod)
  assert.deepEqual(pods.map((pod) => pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index']).sort(), ['0', '1', '2'])
  assert.ok(pods.every((pod) => pod.spec.hostname === `work-${pod.metadata.labels?.['batch.kubernetes.io/job-completion-index']}`))
  assert.equal(pods[0]?.spec.containers[0]?.env?.[0]?.name, 'JOB_COMPLETION_INDEX')
  await finish(bench, 'Failed', (pod) => pod.spec.hostname === 'work-1')
  await finish(bench, 'Succeeded', (pod) => pod.spec.hostname !== 'work-1')
  assert.equal((await bench.get(Job, 'work')).status?.completedIndexes, '0,2')
  await bench.advance(10_000)
  await finish(bench, 'Succeeded')
  assert.equal((await bench.get(Job, 'work')).status?.completedIndexes, '0-2')
  assert.deepEqual(await conditions(bench), ['SuccessCriteriaMet CompletionsReached', 'Complete CompletionsReached'])
})

const policies: { name: string; code: number; want: string[]; failed: number | undefined }[] = [
  { name: 'FailJob ends it at once', code: 42, want: ['FailureTarget PodFailurePolicy', 'Failed PodFailurePolicy'], failed: 1 },
  { name: 'Ignore does not count', code: 7, want: [], failed: undefined },
]
for (const { name, code, want, failed } of policies) {
  test(`a pod failure policy: ${name}`, async () => {
    await using bench = await start()
    await bench.client.create(Job, job({ backoffLimit: 0, podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }, { action: 'Ignore', onExitCodes: { operator: 'In', values: [7] } }] } }))
    await bench.settle()
    await finish(bench, 'Failed', () => true, code)
    assert.deepEqual(await conditions(bench), want)
    assert.equal((await bench.get(Job, 'work')).status?.failed, failed)
  })
}

test('a deadline, a suspension and a time to live', async () => {
  await using bench = await start()
  await bench.client.create(Job, job({ activeDeadlineSeconds: 60, suspend: true, ttlSecondsAfterFinished: 100 }))
  await bench.settle()
  assert.deepEqual([await conditions(bench), (await bench.list(Pod)).length], [['Suspended JobSuspended'], 0])
  await bench.client.patch(Job, 'work', { spec: { suspend: false } }, { namespace: 'default', type: 'merge' })
  await bench.settle()
  assert.equal((await bench.list(Pod)).length, 1)
  await bench.advance(60_000)
  await bench.runPods()
  assert.deepEqual(await conditions(bench), ['FailureTarget DeadlineExceeded', 'Failed DeadlineExceeded'])
  await bench.advance(100_000)
  assert.ok((await bench.list(Job)).every((j) => j.metadata.deletionTimestamp !== undefined))
})

test('an orphan is adopted, a pod whose labels change is released without its finalizer, and so are those of a job that goes', async () => {
  await using bench = await start()
  await bench.client.create(Job, job({ parallelism: 2, completions: 2 }))
  await bench.settle()
  const [a = '', b = ''] = await bench.names(Pod)
  const patchPod = (name: string, metadata: object) => bench.client.patch(Pod, name, { metadata } as never, { namespace: 'default', type: 'merge' })
  await patchPod(a, { ownerReferences: null })
  await bench.settle()
  assert.equal((await bench.get(Pod, a)).metadata.ownerReferences?.[0]?.name, 'work')
  await patchPod(b, { labels: null })
  await bench.settle()
  const released = await bench.get(Pod, b)
  assert.deepEqual([released.metadata.ownerReferences, released.metadata.finalizers], [undefined, undefined])
  assert.equal((await bench.names(Pod)).length, 3)
  await bench.client.delete(Job, 'work', { namespace: 'default', propagationPolicy: 'Background' })
  await bench.settle()
  assert.ok((await bench.list(Pod)).every((pod) => (pod.metadata.finalizers ?? []).length === 0))
})

test('index sets in text form', () => {
  for (const [text, indexes] of [['', []], ['1', [1]], ['1,2', [1, 2]], ['1,3-5,7', [1, 3, 4, 5, 7]]] as const) {
    assert.deepEqual(parseIndexes(text), indexes)
    assert.equal(formatIndexes(indexes), text)
  }
  assert.deepEqual(parseIndexes('0-9', 3), [0, 1, 2])
})
