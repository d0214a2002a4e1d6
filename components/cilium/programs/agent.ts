import { untilAborted, type Program } from '@idp/sandbox'
import { healthEndpoint } from './health-endpoint.ts'

/**
 * cilium-agent. On the embedded engine the network between pods is the engine's own, so the agent has no data path to keep:
 * it answers probes and metrics, and says so.
 */
export const agent: Program = {
  images: ['quay.io/cilium/cilium'],
  async main({ net, log, signal, pod, command, args }) {
    // Upstream's init containers come from the same image; their work (mounts, kernel settings) does not exist here.
    if (![...command, ...args].some((word) => word.includes('cilium-agent'))) return 0
    const server = healthEndpoint({ ready: () => true, metrics: () => '# TYPE cilium_version gauge\ncilium_version{version="1.18.2",arch="embedded"} 1\n' })
    await using _health = await net.listen(9879, server)
    await using _metrics = await net.listen(9962, server)
    log.info('cilium-agent is ready; the embedded engine carries pod traffic itself', { node: pod.node })
    await untilAborted(signal)
    return 0
  },
  async exec(container, command, io) {
    if (command[0] === 'cilium' || command[0] === 'cilium-dbg') {
      if (command[1] === 'status') {
        io.stdout(`KVStore:       Disabled\nKubernetes:    Ok\nCilium:        Ok   1.18.2 (embedded engine)\nNodeMonitor:   Disabled\nProxy Status:  OK, Envoy: external\nNode:          ${container.pod.node}\n`)
        return 0
      }
    }
    io.stderr(`${command.join(' ')}: the stand-in for cilium-agent knows only "cilium status"\n`)
    return 127
  },
}
