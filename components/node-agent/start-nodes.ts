import type { Duplex } from 'node:stream'
import { join } from 'node:path'
import { ApiError } from '@idp/api'
import type { ContainerLogQuery, ExecIo, Nodes, NodesOptions, NodesProgram, PodReference } from '@idp/sandbox'
import type { ContainerInstance } from './container-instance.ts'
import { execIn } from './container-instance.ts'
import { readLog } from './container-log.ts'
import type { ContainerRecord } from './container-record.ts'
import { logDirectoryName } from './container-starter.ts'
import { startNodeAgent, type NodeAgent } from './node-agent.ts'
import type { PodWorker } from './pod-worker.ts'
import { createProgramTable } from './program-table.ts'
import { watchReferencedObjects } from './referenced-objects.ts'
import { createUsageMeter } from './resource-usage.ts'

/** Starts all nodes of a cluster in this process. */
export const nodesProgram: NodesProgram = { start: startNodes }

async function startNodes(options: NodesOptions): Promise<Nodes> {
  const { clock, log } = options
  const stop = new AbortController()
  const first = options.nodes[0]
  if (first === undefined) throw new Error('a cluster needs at least one node')
  const objects = watchReferencedObjects(options.client(first.name), { signal: stop.signal, clock, log })
  const programs = createProgramTable(options.components)
  await objects.synced
  const usage = createUsageMeter()
  const agents: NodeAgent[] = []
  const everyWorker = () => agents.flatMap((a) => [...a.workers()])
  agents.push(...await Promise.all(options.nodes.map((spec) => startNodeAgent({ spec, shared: options, objects, programs, usage, everyWorker }))))
  const find = (pod: PodReference) => findPod(agents, pod)
  return {
    logs: async (pod, query) => logsOf(find(pod), pod, query, options),
    exec: async (pod, command, io) => execIn(runningIn(find(pod), pod), command, io),
    attach: async (pod, io) => attachTo(runningIn(find(pod), pod), io),
    portForward: async (pod, port) => portForward(find(pod), pod, port),
    async request(node, request) {
      const agent = agents.find((a) => a.spec.name === node)
      if (agent === undefined) throw new ApiError('NotFound', `nodes "${node}" not found`, { details: { name: node, kind: 'nodes' } })
      return agent.page(request)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(agents.map((a) => a[Symbol.asyncDispose]()))
      stop.abort()
    },
  }
}

interface Found { readonly agent: NodeAgent; readonly worker: PodWorker }

function findPod(agents: readonly NodeAgent[], { namespace, name }: PodReference): Found {
  for (const agent of agents) {
    const worker = agent.worker(namespace, name)
    if (worker !== undefined) return { agent, worker }
  }
  throw new ApiError('NotFound', `pods "${name}" not found`, { details: { name, kind: 'pods' } })
}

function recordOf({ worker }: Found, { name, container }: PodReference): ContainerRecord {
  const annotated = worker.pod.metadata.annotations?.['kubectl.kubernetes.io/default-container']
  const records = worker.records
  const wanted = container ?? annotated ?? (worker.pod.spec.containers[0]?.name as string)
  const found = records.find((r) => r.spec.name === wanted)
  if (found === undefined) throw new ApiError('BadRequest', `container ${wanted} is not valid for pod ${name}`)
  return found
}

function runningIn(found: Found, pod: PodReference): ContainerInstance {
  const record = recordOf(found, pod)
  if (record.instance === undefined) throw new ApiError('BadRequest', `container not found ("${record.spec.name}"): it is not running`)
  return record.instance
}

function logsOf(found: Found, pod: PodReference, query: ContainerLogQuery, { clock }: NodesOptions): ReadableStream<Uint8Array> {
  const record = recordOf(found, pod)
  const { name } = record.spec
  const label = `container "${name}" in pod "${pod.name}"`
  const directory = join(found.agent.context.root, 'var/log/pods', logDirectoryName(found.worker.pod), name)
  if (query.previous === true) {
    if (record.last === undefined || record.restartCount === 0) throw new ApiError('BadRequest', `previous terminated ${label} not found`)
    return readLog({ file: join(directory, `${record.instance === undefined && record.state.type !== 'terminated' ? record.restartCount : record.restartCount - 1}.log`) }, { ...query, follow: false }, clock)
  }
  if (record.containerId === '') {
    const reason = record.state.type === 'waiting' ? record.state.reason : 'ContainerCreating'
    throw new ApiError('BadRequest', `${label} is waiting to start: ${reason}`)
  }
  return readLog({ file: join(directory, `${record.restartCount}.log`), live: record.instance?.log }, query, clock)
}

async function attachTo(instance: ContainerInstance, io: ExecIo): Promise<number> {
  using _following = instance.log.follow((line) => {
    const [time = '', stream = '', tag = ''] = line.split(' ', 3)
    const text = `${line.slice(time.length + stream.length + tag.length + 3)}${tag === 'P' ? '' : '\n'}`
    if (stream === 'stderr') io.stderr(text)
    else io.stdout(text)
  }, () => {})
  return (await instance.ended).exitCode
}

function portForward({ agent, worker }: Found, pod: PodReference, port: number): Duplex {
  if (worker.ip === undefined) throw new ApiError('BadRequest', `pod ${pod.name} is not running`)
  return agent.context.fabric.connectFrom(agent.spec.address, { ip: worker.ip, port })
}
