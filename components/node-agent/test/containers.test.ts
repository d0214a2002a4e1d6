import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, Event, Pod, Secret } from '@idp/api'
import { isPodReady } from '@idp/controller'
import { fakeClock } from '@idp/kit'
import type { Container, Program } from '@idp/sandbox'
import { startNodeWorld } from './node-world.ts'

const ready = (pod: Pod | undefined) => pod !== undefined && isPodReady(pod)
const ended = (phase: string) => (pod: Pod | undefined) => pod?.status?.phase === phase
const untilAborted = (signal: AbortSignal) => new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())))
const program = (name: string, main: Program['main'], more: Partial<Program> = {}): Program => ({ images: [`example.com/${name}`], main, ...more })
const server = program('server', async ({ signal, net }) => {
  await net.listen(8080, { handler: () => new Response('ok') })
  await untilAborted(signal)
  return 0
})

test('init containers run one after the other, sidecars stay, then the containers start', async () => {
  const order: string[] = []
  const step = program('step', async ({ pod }) => {
    order.push(pod.container)
    return 0
  })
  const sidecar = program('sidecar', async ({ pod, signal }) => {
    order.push(pod.container)
    await untilAborted(signal)
    order.push(`${pod.container} ended`)
    return 0
  })
  await using world = await startNodeWorld([step, sidecar])
  await world.run('job', {
    restartPolicy: 'Never',
    initContainers: [{ name: 'one', image: 'example.com/step' }, { name: 'proxy', image: 'example.com/sidecar', restartPolicy: 'Always' }, { name: 'two', image: 'example.com/step' }],
    containers: [{ name: 'main', image: 'example.com/step' }],
  })
  const pod = await world.until('job', ended('Succeeded'))
  assert.deepEqual(order, ['one', 'proxy', 'two', 'main', 'proxy ended'])
  assert.deepEqual(pod?.status?.conditions?.map((c) => [c.type, c.status, c.reason ?? '']), [
    ['PodReadyToStartContainers', 'False', ''], ['Initialized', 'True', 'PodCompleted'], ['Ready', 'False', 'PodCompleted'], ['ContainersReady', 'False', 'PodCompleted'], ['PodScheduled', 'True', ''],
  ])
  assert.equal(pod?.status?.containerStatuses?.[0]?.state?.terminated?.reason, 'Completed')
})

test('a container that crashes is started again at once, then after 10 s, 20 s, …', async () => {
  const clock = fakeClock()
  const starts: number[] = []
  const crash = program('crash', async ({ clock: now, stdout }) => {
    starts.push((now.now() - clock0) / 1_000)
    stdout(`run ${starts.length}`)
    throw new Error('no database')
  })
  const clock0 = clock.now()
  await using world = await startNodeWorld([crash], { clock })
  await world.run('web', { containers: [{ name: 'main', image: 'example.com/crash' }] })
  await world.until('web', (p) => p?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff')
  await clock.advance(10_000)
  await world.until('web', (p) => p?.status?.containerStatuses?.[0]?.restartCount === 2 && p.status.containerStatuses[0].state?.waiting?.message?.startsWith('back-off 20s restarting failed container=main pod=web_default(') === true)
  await clock.advance(20_000)
  const pod = await world.until('web', (p) => p?.status?.containerStatuses?.[0]?.restartCount === 3 && p.status.containerStatuses[0].state?.waiting !== undefined)
  assert.deepEqual(starts, [0, 0, 10, 30])
  const status = pod?.status?.containerStatuses?.[0]
  assert.deepEqual([status?.lastState?.terminated?.exitCode, status?.lastState?.terminated?.reason, status?.ready], [1, 'Error', false])
  const previous = await new Response(await world.nodes.logs({ namespace: 'default', name: 'web' }, { previous: true })).text()
  assert.match(previous, /^run 4\nError: no database\n/)
})

test('liveness failures restart the container after failureThreshold periods; readiness only marks it', async () => {
  const clock = fakeClock()
  let healthy = true
  const sick = program('sick', async ({ signal, net }) => {
    await net.listen(80, { handler: (request) => new Response('', { status: healthy || request.url.endsWith('/always') ? 200 : 500 }) })
    await untilAborted(signal)
    return 3
  })
  await using world = await startNodeWorld([sick], { clock })
  await world.run('web', {
    containers: [{
      name: 'main', image: 'example.com/sick',
      livenessProbe: { httpGet: { path: '/live', port: 80 }, periodSeconds: 5, failureThreshold: 2 }, readinessProbe: { httpGet: { path: '/ready', port: 80 }, periodSeconds: 2, failureThreshold: 1 },
    }],
  })
  await world.until('web', ready)
  healthy = false
  await clock.advance(2_000)
  await world.until('web', (p) => p?.status?.containerStatuses?.[0]?.ready === false)
  assert.equal((await world.api.client.get(Pod, 'web', { namespace: 'default' })).status?.containerStatuses?.[0]?.restartCount, 0)
  await clock.advance(8_000)
  healthy = true
  await clock.advance(1_000)
  const pod = await world.until('web', (p) => p?.status?.containerStatuses?.[0]?.restartCount === 1 && ready(p))
  assert.equal(pod?.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 3)
  const events = (await world.api.client.list(Event, { namespace: 'default' })).items
  assert.ok(events.some((e) => e.reason === 'Unhealthy' && e.message === 'Liveness probe failed: HTTP probe failed with statuscode: 500'))
  assert.ok(events.some((e) => e.reason === 'Killing' && e.message === 'Container main failed liveness probe, will be restarted'))
})

test('nothing is probed before initialDelaySeconds; a startup probe holds the others back', async () => {
  const clock = fakeClock()
  await using world = await startNodeWorld([server], { clock })
  await world.run('late', { containers: [{ name: 'main', image: 'example.com/server', readinessProbe: { tcpSocket: { port: 8080 }, initialDelaySeconds: 30 } }] })
  await world.until('late', (p) => p?.status?.phase === 'Running')
  await clock.advance(29_000)
  assert.equal(ready(await world.api.client.get(Pod, 'late', { namespace: 'default' })), false)
  await clock.advance(1_000)
  await world.until('late', ready)
  await world.run('never', { containers: [{ name: 'main', image: 'example.com/server', startupProbe: { tcpSocket: { port: 1 }, periodSeconds: 1, failureThreshold: 3 }, readinessProbe: { tcpSocket: { port: 8080 } } }] })
  const never = async () => world.api.client.get(Pod, 'never', { namespace: 'default' })
  // A status waits a moment for the first probes.
  while ((await never()).status?.phase !== 'Running') await clock.advance(50)
  await clock.advance(3_000)
  const pod = await world.until('never', (p) => (p?.status?.containerStatuses?.[0]?.restartCount ?? 0) === 1)
  assert.equal(pod?.status?.containerStatuses?.[0]?.started, false)
})

test('a deleted pod gets preStop and SIGTERM, and SIGKILL when its grace period is over', async () => {
  const clock = fakeClock()
  const seen: string[] = []
  const deaf = program('deaf', async ({ signal }) => {
    signal.addEventListener('abort', () => seen.push(`SIGTERM at ${(clock.now() - begun) / 1_000}`))
    await new Promise(() => {})
    return 0
  }, { exec: async (_container, command) => { seen.push(command.join(' ')); return 0 } })
  const begun = clock.now()
  await using world = await startNodeWorld([deaf], { clock })
  await world.run('web', { terminationGracePeriodSeconds: 20, containers: [{ name: 'main', image: 'example.com/deaf', lifecycle: { preStop: { exec: { command: ['drain', 'now'] } } } }] })
  await world.until('web', ready)
  await world.api.client.delete(Pod, 'web', { namespace: 'default' })
  await clock.advance(19_000)
  assert.deepEqual(seen, ['drain now', 'SIGTERM at 0'])
  assert.notEqual((await world.api.client.get(Pod, 'web', { namespace: 'default' })).metadata.deletionTimestamp, undefined)
  await clock.advance(1_000)
  await world.until('web', (p) => p === undefined)
})

test('environment: values, references, downward fields, ConfigMaps, Secrets, Services', async () => {
  const env = Promise.withResolvers<Container['env']>()
  const args = Promise.withResolvers<readonly string[]>()
  const show = program('show', async (container) => {
    env.resolve(container.env)
    args.resolve(container.args)
    return 0
  })
  await using world = await startNodeWorld([show])
  const { client } = world.api
  await client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'conf', namespace: 'default' }, data: { COLOR: 'red', SIZE: 'L' } })
  await world.run('p', {
    restartPolicy: 'Never',
    containers: [{
      name: 'main', image: 'example.com/show', args: ['--name=$(NAME)', '$$(NAME)', '$(UNKNOWN)'], resources: { limits: { cpu: '1500m', memory: '64Mi' } },
      envFrom: [{ prefix: 'C_', configMapRef: { name: 'conf' } }, { secretRef: { name: 'none', optional: true } }],
      env: [
        { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }, { name: 'HELLO', value: 'hello $(NAME) $(C_COLOR)' }, { name: 'KEY', valueFrom: { secretKeyRef: { name: 'late', key: 'k' } } },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }, { name: 'MEM', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } }, { name: 'TEAM', valueFrom: { fieldRef: { fieldPath: "metadata.labels['team']" } } },
      ],
    }],
  }, { labels: { team: 'a' } })
  const waiting = await world.until('p', (p) => p?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError')
  assert.equal(waiting?.status?.containerStatuses?.[0]?.state?.waiting?.message, 'secret "late" not found')
  await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'late', namespace: 'default' }, data: { k: Buffer.from('v').toString('base64') } })
  await world.until('p', ended('Succeeded'))
  const got = await env.promise
  assert.deepEqual([got['NAME'], got['HELLO'], got['KEY'], got['CPU'], got['MEM'], got['TEAM'], got['C_SIZE']], ['p', 'hello p red', 'v', '2', '64', 'a', 'L'])
  assert.deepEqual(await args.promise, ['--name=p', '$(NAME)', '$(UNKNOWN)'])
})

test('volumes: a missing ConfigMap holds the pod back, an update reaches the running container, emptyDir is shared', async () => {
  const updates: string[] = []
  const written = Promise.withResolvers<void>()
  const reader = program('reader', async ({ files, signal, pod }) => {
    if (pod.container === 'writer') {
      await files.write('/scratch/out', 'from the writer')
      written.resolve()
      await untilAborted(signal)
      return 0
    }
    updates.push(await files.readText('/etc/conf/a'))
    for await (const _ of files.watch('/etc/conf', signal)) updates.push(await files.readText('/etc/conf/a'))
    updates.push(await files.readText('/shared/out'))
    return 0
  })
  await using world = await startNodeWorld([reader])
  const { client } = world.api
  await world.run('p', {
    volumes: [{ name: 'conf', configMap: { name: 'conf' } }, { name: 'tmp', emptyDir: {} }, { name: 'me', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }],
    containers: [
      { name: 'main', image: 'example.com/reader', volumeMounts: [{ name: 'conf', mountPath: '/etc/conf' }, { name: 'tmp', mountPath: '/shared' }] },
      { name: 'writer', image: 'example.com/reader', volumeMounts: [{ name: 'tmp', mountPath: '/scratch' }] },
    ],
  })
  const map = (value: string): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'conf', namespace: 'default' }, data: { a: value } })
  await world.until('p', (p) => p?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ContainerCreating')
  await client.create(ConfigMap, map('1'))
  await world.until('p', ready)
  await client.update(ConfigMap, map('2'))
  while (updates.length < 2) await new Promise(setImmediate)
  await written.promise
  await client.delete(Pod, 'p', { namespace: 'default' })
  await world.until('p', (p) => p === undefined)
  assert.deepEqual(updates, ['1', '2', 'from the writer'])
  const events = (await client.list(Event, { namespace: 'default' })).items
  assert.ok(events.some((e) => e.reason === 'FailedMount' && e.message === 'MountVolume.SetUp failed for volume "conf" : configmap "conf" not found'))
})

const refusals: { title: string; spec: Partial<Pod['spec']>; reason: string; message: RegExp }[] = [
  { title: 'a bad image name', spec: { containers: [{ name: 'main', image: 'Not/An image' }] }, reason: 'InvalidImageName', message: /couldn't parse image name "Not\/An image": invalid reference format/ },
  { title: 'an unknown image that must not be pulled', spec: { containers: [{ name: 'main', image: 'acme/app', imagePullPolicy: 'Never' }] }, reason: 'ErrImageNeverPull', message: /is not present with pull policy of Never/ },
  { title: 'root where non-root is asked for', spec: { securityContext: { runAsNonRoot: true, runAsUser: 0 }, containers: [{ name: 'main', image: 'acme/app' }] }, reason: 'CreateContainerConfigError', message: /runAsUser breaks non-root policy/ },
]
for (const { title, spec, reason, message } of refusals) {
  test(`refused: ${title}`, async () => {
    await using world = await startNodeWorld()
    await world.run('p', spec)
    const pod = await world.until('p', (p) => p?.status?.containerStatuses?.[0]?.state?.waiting?.reason === reason)
    assert.match(pod?.status?.containerStatuses?.[0]?.state?.waiting?.message ?? '', message)
    assert.equal(pod?.status?.phase, 'Pending')
  })
}

test('a simulated container of a pod that is not restarted ends with exit code 0 and says so', async () => {
  await using world = await startNodeWorld()
  await world.run('job', { restartPolicy: 'OnFailure', containers: [{ name: 'main', image: 'acme/migrate' }] })
  await world.until('job', ended('Succeeded'))
  assert.match(await world.log('job'), /simulated: .*acme\/migrate; nothing was done, ending with exit code 0/)
})

test('activeDeadlineSeconds fails the pod', async () => {
  const clock = fakeClock()
  await using world = await startNodeWorld([server], { clock })
  await world.run('p', { activeDeadlineSeconds: 60, containers: [{ name: 'main', image: 'example.com/server' }] })
  await world.until('p', ready)
  await clock.advance(60_000)
  const pod = await world.until('p', ended('Failed'))
  assert.equal(pod?.status?.reason, 'DeadlineExceeded')
})

test('logs: tail, timestamps, since, bytes, follow to the end', async () => {
  const clock = fakeClock()
  const go = Promise.withResolvers<void>()
  const talk = program('talk', async ({ stdout, clock: now, log }) => {
    stdout('one')
    stdout('two')
    await go.promise
    log.info('three')
    void now
    return 0
  })
  await using world = await startNodeWorld([talk], { clock })
  await world.run('p', { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example.com/talk' }] })
  await world.until('p', ended('Running'))
  const logs = async (query: Parameters<typeof world.nodes.logs>[1]) => new Response(await world.nodes.logs({ namespace: 'default', name: 'p' }, query)).text()
  assert.equal(await logs({ tailLines: 1 }), 'two\n')
  assert.equal(await logs({ limitBytes: 5 }), 'one\nt')
  assert.equal(await logs({ timestamps: true, tailLines: 1 }), '2026-01-01T00:00:00.000000000Z two\n')
  const following = logs({ follow: true, tailLines: 1 })
  await clock.advance(60_000)
  go.resolve()
  assert.equal(await following, 'two\n{"ts":"2026-01-01T00:01:00.000000Z","level":"info","msg":"three"}\n')
  await world.until('p', ended('Succeeded'))
  assert.match(await logs({ sinceSeconds: 10 }), /^\{"ts":"2026-01-01T00:01/)
  await assert.rejects(logs({ previous: true }), { message: 'previous terminated container "main" in pod "p" not found' })
})

test('exec runs in the container; a stand-in without a shell says so', async () => {
  const shell = program('shell', server.main, { exec: async (_container, command, io) => {
    for await (const chunk of io.stdin) io.stdout(chunk)
    io.stderr(command.join('+'))
    return 7
  } })
  await using world = await startNodeWorld([shell, server])
  await world.run('a', { containers: [{ name: 'main', image: 'example.com/shell' }] })
  await world.run('b', { containers: [{ name: 'main', image: 'example.com/server' }] })
  await Promise.all([world.until('a', ready), world.until('b', ready)])
  const run = async (name: string) => {
    let [out, err] = ['', '']
    const code = await world.nodes.exec({ namespace: 'default', name }, ['ls', '-l'], { stdin: (async function* () { yield Buffer.from('in') })(), stdout: (c) => { out += String(c) }, stderr: (c) => { err += String(c) }, tty: false })
    return [code, out, err]
  }
  assert.deepEqual(await run('a'), [7, 'in', 'ls+-l'])
  assert.deepEqual(await run('b'), [126, '', 'idp: the stand-in for example.com/server has no shell; cannot run ls\n'])
})

test('a new image restarts the container; an ephemeral container joins a running pod', async () => {
  const names: string[] = []
  const named = program('named', async ({ pod, signal }) => {
    names.push(pod.image)
    await untilAborted(signal)
    return 0
  })
  await using world = await startNodeWorld([named])
  const { client } = world.api
  await world.run('p', { containers: [{ name: 'main', image: 'example.com/named:1' }] })
  await world.until('p', ready)
  await client.patch(Pod, 'p', { spec: { containers: [{ name: 'main', image: 'example.com/named:2' }] } }, { namespace: 'default', type: 'strategic' })
  await world.until('p', (p) => p?.status?.containerStatuses?.[0]?.restartCount === 1 && ready(p))
  await client.patch(Pod, 'p', { spec: { ephemeralContainers: [{ name: 'debug', image: 'example.com/named:debug' }] } } as never, { namespace: 'default', type: 'strategic', subresource: 'ephemeralcontainers' })
  await world.until('p', (p) => p?.status?.ephemeralContainerStatuses?.[0]?.state?.running !== undefined)
  assert.deepEqual(names, ['example.com/named:1', 'example.com/named:2', 'example.com/named:debug'])
})

const stubborn = program('stubborn', async () => new Promise<number>(() => {}))
const leaving: { title: string; spec: Partial<Pod['spec']>; until: (pod: Pod | undefined) => boolean; grace?: number }[] = [
  { title: 'at once with a grace period of 0', spec: { containers: [{ name: 'main', image: 'example.com/stubborn' }] }, until: ready, grace: 0 },
  { title: 'while it waits for a volume', spec: { volumes: [{ name: 'v', secret: { secretName: 'none' } }], containers: [{ name: 'main', image: 'acme/app' }] }, until: (p) => p?.status?.phase === 'Pending' && p.status.startTime !== undefined },
  { title: 'while an init container runs', spec: { initContainers: [{ name: 'i', image: 'example.com/stubborn' }], containers: [{ name: 'main', image: 'acme/app' }] }, until: (p) => p?.status?.initContainerStatuses?.[0]?.state?.running !== undefined, grace: 0 },
  { title: 'while a postStart hook runs', spec: { containers: [{ name: 'main', image: 'example.com/hanging', lifecycle: { postStart: { exec: { command: ['wait'] } } } }] }, until: (p) => p?.status?.startTime !== undefined, grace: 1 },
  { title: 'between two crashes', spec: { containers: [{ name: 'main', image: 'example.com/crashing' }] }, until: (p) => p?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff' },
]
for (const { title, spec, until, grace } of leaving) {
  test(`a pod can be deleted ${title}, and another takes its name`, async () => {
    const hanging = program('hanging', async ({ signal }) => untilAborted(signal).then(() => 0), { exec: () => new Promise(() => {}) })
    const crashing = program('crashing', async () => 1)
    await using world = await startNodeWorld([stubborn, hanging, crashing, server])
    const first = await world.run('p', spec)
    await world.until('p', until)
    await world.api.client.delete(Pod, 'p', { namespace: 'default', ...(grace === undefined ? {} : { gracePeriodSeconds: grace }) })
    await world.until('p', (p) => p === undefined)
    await world.run('p', { containers: [{ name: 'main', image: 'example.com/server' }] })
    const second = await world.until('p', ready)
    assert.notEqual(second?.metadata.uid, first.metadata.uid)
  })
}

test('a program that goes on after it was killed has no network', async () => {
  const late = Promise.withResolvers<unknown>()
  const go = Promise.withResolvers<void>()
  const zombie = program('zombie', async ({ net }) => {
    await go.promise
    await net.listen(9999, { handler: () => new Response() }).then(late.resolve, late.resolve)
    return 0
  })
  await using world = await startNodeWorld([zombie])
  await world.run('p', { containers: [{ name: 'main', image: 'example.com/zombie' }] })
  await world.until('p', ready)
  await world.api.client.delete(Pod, 'p', { namespace: 'default', gracePeriodSeconds: 0 })
  await world.until('p', (p) => p === undefined)
  go.resolve()
  assert.equal(((await late.promise) as { code?: string }).code, 'NetworkGone')
})
