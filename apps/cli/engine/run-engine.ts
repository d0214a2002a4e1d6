/** The engine's process: one embedded cluster, until SIGTERM. Started by `start-engine.ts`, which tells it what to do over IPC. */
import { join } from 'node:path'
import { startCluster, type Cluster } from '@idp/host'
import { CodedError, jsonLog, messageOf, systemClock, systemRandom } from '@idp/kit'
import { components } from '../../../components/registry.generated.ts'
import type { EngineAnswer, EngineOrder } from './start-engine.ts'

const log = jsonLog(systemClock, (line) => void process.stderr.write(line))

/** Node ports of the gateway's Service, as the blueprint fixes them. */
const gatewayNodePorts = { https: 30443, http: 30080 }

const controlPlaneTaint = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' } as const

function start(order: EngineOrder): Promise<Cluster> {
  return startCluster({
    name: order.name, dataDir: join(order.directory, 'engine'), clock: systemClock, log, random: systemRandom, components, apiPort: order.apiPort,
    nodes: order.nodes.map((node) => ({ name: `k3d-${order.name}-${node.name}`, controlPlane: node.role === 'control-plane', labels: node.labels, capacity: { cpu: node.cpu, memory: node.memory }, taints: node.role === 'control-plane' ? [controlPlaneTaint] : [] })),
    hostPorts: [
      { port: order.httpsPort, nodePort: gatewayNodePorts.https, setting: '--https-port' },
      { port: order.httpPort, nodePort: gatewayNodePorts.http, setting: '--http-port' },
    ],
  })
}

const answer = (message: EngineAnswer): void => void process.send?.(message)

async function run(order: EngineOrder): Promise<void> {
  const began = systemClock.now()
  let cluster: Cluster
  try {
    cluster = await start(order)
  } catch (error) {
    const fault = error instanceof CodedError ? error : { code: 'EngineFailed', message: messageOf(error) }
    log.error('the engine cannot start', { code: fault.code, error: fault.message, stack: error instanceof Error ? error.stack : undefined })
    answer({ type: 'failed', fault: { code: fault.code, message: fault.message, ...('where' in fault ? { where: fault.where } : {}), ...('remedy' in fault ? { remedy: fault.remedy } : {}) } })
    process.exitCode = 1
    process.disconnect?.()
    return
  }
  // The process lives as long as its servers; the clock's timers alone would not keep it.
  const alive = setInterval(() => {}, 2 ** 30)
  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return
    stopping = true
    log.info('stopping', { signal })
    void cluster[Symbol.asyncDispose]().then(() => 0, (error: unknown) => {
      log.error('the engine did not stop cleanly', { error: messageOf(error) })
      return 1
    }).then((code) => {
      clearInterval(alive)
      process.exit(code)
    })
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  log.info('the cluster is up', { url: cluster.url, ms: systemClock.now() - began })
  answer({ type: 'ready', apiPort: Number(new URL(cluster.url ?? 'https://127.0.0.1:0').port), ms: systemClock.now() - began })
}

/** Runs the engine that this process is told to be, until SIGTERM. */
export function runEngine(): void {
  process.once('message', (order) => void run(order as EngineOrder))
  process.on('unhandledRejection', (error) => log.error('unhandled rejection', { error: messageOf(error), stack: error instanceof Error ? error.stack : undefined }))
}
