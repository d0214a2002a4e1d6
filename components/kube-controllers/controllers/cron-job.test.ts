import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CronJob, Job } from '@idp/api'
import { cronSchedule, scheduledTimes } from '../engine/cron-schedule.ts'
import { cronJobController } from './cron-job.ts'
import { template, workbench, type Workbench } from '../testing/workbench.ts'

const cronJob = (spec: object = {}): CronJob => ({
  apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'tick', namespace: 'default' },
  spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template: template({}, { restartPolicy: 'Never' }) } }, ...spec } as NonNullable<CronJob['spec']>,
})
const start = () => workbench([cronJobController])
const minute = 60_000
const complete = async (bench: Workbench, type: 'Complete' | 'Failed' = 'Complete') => {
  for (const job of await bench.list(Job)) {
    if (job.status?.conditions !== undefined) continue
    const at = new Date(bench.clock.now()).toISOString().replace(/\.\d+/, '')
    await bench.client.patch(Job, job.metadata.name ?? '', { status: { startTime: job.metadata.creationTimestamp ?? at, ...(type === 'Complete' ? { completionTime: at } : {}), conditions: [{ type, status: 'True', lastTransitionTime: at }] } }, { namespace: 'default', subresource: 'status', type: 'merge' })
  }
  await bench.settle()
}

test('a job starts at each time, named after it', async () => {
  await using bench = await start()
  await bench.client.create(CronJob, cronJob())
  await bench.settle()
  assert.equal((await bench.list(Job)).length, 0)
  await bench.advance(5 * minute)
  const [job] = await bench.list(Job)
  assert.equal(job?.metadata.name, `tick-${Date.parse('2026-01-01T00:05:00Z') / minute}`)
  assert.equal(job?.metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'], '2026-01-01T00:05:00Z')
  const { status } = await bench.get(CronJob, 'tick')
  assert.deepEqual([status?.lastScheduleTime, status?.active?.map(({ name }) => name)], ['2026-01-01T00:05:00Z', [job?.metadata.name]])
  await complete(bench)
  assert.equal((await bench.get(CronJob, 'tick')).status?.active, undefined)
  assert.ok((await bench.events()).some((e) => e.startsWith('SawCompletedJob: Saw completed job: tick-')))
})

test('concurrency policies', async () => {
  for (const [policy, count] of [['Allow', 2], ['Forbid', 1], ['Replace', 1]] as const) {
    await using bench = await start()
    await bench.client.create(CronJob, cronJob({ concurrencyPolicy: policy }))
    await bench.settle()
    await bench.advance(5 * minute)
    const [first] = await bench.names(Job)
    await bench.advance(5 * minute)
    const names = await bench.names(Job)
    assert.equal(names.length, count, policy)
    assert.equal(names.includes(first ?? ''), policy !== 'Replace', policy)
  }
})

test('history is limited, suspension holds, a late start is left out', async () => {
  await using bench = await start()
  await bench.client.create(CronJob, cronJob({ successfulJobsHistoryLimit: 2, startingDeadlineSeconds: 10 }))
  await bench.settle()
  for (let i = 0; i < 4; i++) {
    await bench.advance(5 * minute)
    await complete(bench)
  }
  assert.equal((await bench.list(Job)).length, 2)
  const last = (await bench.names(Job)).at(-1)
  await bench.client.patch(CronJob, 'tick', { spec: { suspend: true } }, { namespace: 'default', type: 'merge' })
  await bench.advance(7 * minute)
  await bench.client.patch(CronJob, 'tick', { spec: { suspend: false } }, { namespace: 'default', type: 'merge' })
  await bench.settle()
  assert.equal((await bench.names(Job)).at(-1), last)
})

test('schedules know time zones, names and intervals', () => {
  const at = (text: string) => Date.parse(text)
  const rows: [string, string | undefined, string, string][] = [
    ['0 9 * * *', 'Europe/Berlin', '2026-07-01T00:00:00Z', '2026-07-01T07:00:00Z'], ['@hourly', undefined, '2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z'],
    ['0 0 1 * MON', undefined, '2026-01-02T00:00:00Z', '2026-01-05T00:00:00Z'], ['@every 1h30m', undefined, '2026-01-01T00:00:00Z', '2026-01-01T01:30:00Z'],
  ]
  for (const [text, zone, from, want] of rows) assert.equal(cronSchedule(text, zone)(at(from)), at(want), text)
  const missed = scheduledTimes(cronSchedule('* * * * *'), at('2026-01-01T00:00:00Z'), at('2026-01-02T00:00:30Z'))
  assert.deepEqual([missed.due, missed.missed], [at('2026-01-02T00:00:00Z'), 101])
})
