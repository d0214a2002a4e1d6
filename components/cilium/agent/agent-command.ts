import { rfc3339 } from '@idp/kit'
import type { Container, ExecIo } from '@idp/sandbox'
import { compileFilters } from '../hubble/flow-filter.ts'
import { observedMessage } from '../hubble/flow-message.ts'
import { eventName, summaryOf, type Flow, type FlowEnd } from '../hubble/flow.ts'
import { observe } from '../hubble/observe.ts'
import { parseObserve } from '../hubble/observe-options.ts'
import { describePolicy } from '../policy/compiled-policy.ts'
import type { AgentState } from './agent-state.ts'
import { endpointId } from './endpoint-registry.ts'

/** `kubectl exec` into the agent: `cilium status`, `cilium-dbg endpoint|identity|policy …`, `hubble observe|status`. */
export async function runAgentCommand(state: AgentState | undefined, command: readonly string[], io: ExecIo, { pod, signal }: Pick<Container, 'pod' | 'signal'>): Promise<number> {
  const [program = '', verb = '', what = ''] = command
  const tool = program.slice(program.lastIndexOf('/') + 1)
  if (state === undefined) return fail(io, 'cilium-agent is starting')
  try {
    if (tool === 'hubble') return await hubble(state, command.slice(1), io, io.signal === undefined ? signal : AbortSignal.any([signal, io.signal]))
    if (tool === 'cilium' || tool === 'cilium-dbg') {
      const text = answer(state, pod.node, `${verb} ${what}`.trim())
      if (text !== undefined) {
        io.stdout(text)
        return 0
      }
    }
  } catch (error) {
    return fail(io, (error as Error).message)
  }
  return fail(io, `${command.join(' ')}: the stand-in for cilium-agent knows "cilium status", "cilium-dbg endpoint list", "cilium-dbg identity list", "cilium-dbg policy get", "hubble observe" and "hubble status"`, 127)
}

function fail(io: ExecIo, message: string, code = 1): number {
  io.stderr(`${message}\n`)
  return code
}

function answer({ engine, endpoints, identities, registry, flows }: AgentState, node: string, what: string): string | undefined {
  switch (what) {
    case 'status': case 'status --brief': return [
      'KVStore:       Disabled', 'Kubernetes:    Ok', 'Cilium:        Ok   1.18.2 (embedded engine)', `NodeMonitor:   ${flows === undefined ? 'Disabled' : 'Listening for events'}`,
      `Hubble:        ${flows === undefined ? 'Disabled' : `Ok   Current/Max Flows: ${flows.size}/${flows.capacity}, Flows seen: ${flows.seen}`}`, 'Proxy Status:  OK, Envoy: external', `Node:          ${node}`, '',
    ].join('\n')
    case 'endpoint list': return table(['ENDPOINT', 'POLICY (ingress)', 'POLICY (egress)', 'IDENTITY', 'IPv4', 'POD', 'STATUS'], [...endpoints].filter((e) => e.node !== true).map((e) => {
      const identity = registry.identityOf(e)
      const closed = engine.closed(identity)
      const enforcement = (on: boolean) => (on ? 'Enabled' : 'Disabled')
      return [String(endpointId(e.ip)), enforcement(closed.ingress), enforcement(closed.egress), String(identity.id), e.ip, `${e.namespace}/${e.pod}`, 'ready']
    }))
    case 'identity list': return table(['ID', 'LABELS'], [...identities.values()].sort((a, b) => a.id - b.id).map((identity) => [String(identity.id), identity.strings.join(' ')]))
    case 'policy get': return `${[...engine.policies.map(({ ref, ingress, egress, closes }) => `${describePolicy(ref)}: ${ingress.length} ingress, ${egress.length} egress rules${closes.ingress ? ', closes ingress' : ''}${closes.egress ? ', closes egress' : ''}`), `Revision: ${engine.revision}`].join('\n')}\n`
    default: return undefined
  }
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  return [head, ...rows].map((row) => `${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('   ').trimEnd()}\n`).join('')
}

async function hubble({ flows, node }: AgentState, args: readonly string[], io: ExecIo, signal: AbortSignal): Promise<number> {
  if (flows === undefined) return fail(io, 'Hubble is off (hubble.enabled)')
  const [verb = '', ...rest] = args
  if (verb === 'status') {
    io.stdout(`Healthcheck: Ok\nCurrent/Max Flows: ${flows.size}/${flows.capacity}\nFlows seen: ${flows.seen}\nConnected Nodes: 1/1 (${node})\n`)
    return 0
  }
  if (verb !== 'observe') return fail(io, `hubble ${verb}: the stand-in knows "hubble observe" and "hubble status"`, 127)
  const { request, output } = parseObserve(rest)
  compileFilters(request.whitelist ?? [], request.blacklist ?? []) // a bad filter is said before the first flow
  for await (const flow of observe(flows, request, signal)) io.stdout(output === 'json' ? `${JSON.stringify(observedMessage(flow))}\n` : `${compact(flow)}\n`)
  return 0
}

/** The line `hubble observe` prints. */
export function compact(flow: Flow): string {
  const end = ({ namespace, pod, ip, labels }: FlowEnd, port: number) => {
    const reserved = labels.find((label) => label.startsWith('reserved:'))
    return `${pod === undefined ? ip : `${namespace}/${pod}`}:${port}${reserved === undefined ? '' : ` (${reserved.slice('reserved:'.length)})`}`
  }
  const { source, destination, reply } = flow
  return `${rfc3339(flow.time)}: ${end(source, flow.sourcePort)} ${reply === true ? '<-' : '->'} ${end(destination, flow.destinationPort)} ${eventName(flow)} ${flow.type === 5 ? `${flow.direction} ` : ''}${flow.verdict} (${summaryOf(flow)})`
}
