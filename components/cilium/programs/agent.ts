import type { Client } from '@idp/client'
import { CodedError } from '@idp/kit'
import { untilAborted, type Container, type Listener, type Program } from '@idp/sandbox'
import { adminOf, startAgent, type AgentState } from '../agent/agent-state.ts'
import type { GrpcServer } from '../grpc/grpc-server.ts'
import { healthEndpoint } from './health-endpoint.ts'
import { readConfig } from './operator.ts'

/** Running agents by pod uid, for `exec`. */
const running = new Map<string, AgentState>()

/** cilium-agent: policies of its node's pods, flows with their API (4244), and the agent's own objects. */
export const agent: Program = {
  images: ['quay.io/cilium/cilium'],
  async main(container) {
    const { client, clock, net, log, signal, pod, command, args } = container
    // Upstream's init containers come from the same image; their work (mounts, kernel settings) does not exist here.
    if (![...command, ...args].some((word) => word.includes('cilium-agent'))) return 0
    if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'cilium-agent needs the token of its ServiceAccount' })
    const config = await readConfig(container)
    const state = startAgent({ client, admin: adminOf(container), ip: pod.ip, namespace: pod.namespace, clock, log, signal, config })
    try {
      await state.ready
    } catch (error) {
      if (signal.aborted) return 0
      throw error
    }
    running.set(pod.uid, state)
    const server = healthEndpoint({ ready: () => true, metrics: () => agentMetrics(state) })
    await using listeners = new AsyncDisposableStack()
    for (const port of [9879, 9962]) listeners.use(await net.listen(port, server))
    for (const listener of await openHubble(container, client, state, config)) listeners.use(listener)
    log.info('cilium-agent is ready', { node: pod.node, policies: state.engine.policies.length })
    await untilAborted(signal)
    if (running.get(pod.uid) === state) running.delete(pod.uid)
    return 0
  },
  async exec(container, command, io) {
    const { runAgentCommand } = await import('../agent/agent-command.ts')
    return runAgentCommand(running.get(container.pod.uid), command, io, container)
  },
}

/** The flow API and its metrics; the machinery of the former is loaded by its first caller. */
async function openHubble({ net, clock, log, pod }: Container, client: Client, state: AgentState, config: Readonly<Record<string, string>>): Promise<Listener[]> {
  const { flows } = state
  if (flows === undefined) return []
  let server: GrpcServer | undefined
  const opened = [await net.listenRaw(portOf(config['hubble-listen-address'], 4244), (connection) => {
    Promise.all([import('../hubble/observer-server.ts'), import('../hubble/peers.ts')]).then(([{ observerServer }, { peersOf }]) => (server ??= observerServer({ flows: () => flows, node: pod.node, clock, startedAt: state.startedAt, peers: (ended) => peersOf(client, ended, { clock, log }) })).accept(connection), (error: unknown) => {
      log.error('the flow API could not be loaded', { error })
      connection.destroy()
    })
  })]
  if (config['hubble-metrics-server'] !== undefined) opened.push(await net.listen(portOf(config['hubble-metrics-server'], 9965), healthEndpoint({ ready: () => true, metrics: () => state.metrics.render() })))
  return opened
}

/** The port of `:4244`. */
function portOf(address: string | undefined, otherwise: number): number {
  return Number(/:(\d+)$/.exec(address ?? '')?.[1] ?? otherwise)
}

function agentMetrics({ engine, endpoints }: AgentState): string {
  const ours = [...endpoints].filter((endpoint) => endpoint.node !== true).length
  return [
    '# TYPE cilium_version gauge', 'cilium_version{version="1.18.2",arch="embedded"} 1',
    '# TYPE cilium_endpoint gauge', `cilium_endpoint ${ours}`, '# TYPE cilium_endpoint_state gauge', `cilium_endpoint_state{endpoint_state="ready"} ${ours}`,
    '# TYPE cilium_policy gauge', `cilium_policy ${engine.policies.length}`, '# TYPE cilium_policy_max_revision gauge', `cilium_policy_max_revision ${engine.revision}`, '',
  ].join('\n')
}
