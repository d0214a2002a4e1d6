import { CodedError } from '@idp/kit'
import type { Connection, DataPath, Direction, HttpFilter, NodeNetwork, Verdict } from './node-network.ts'
import type { Endpoint, PolicyCheck } from './network-policy.ts'

/** Leave to hold one connection. */
export interface Passage {
  /** What its HTTP requests go through, in order. */
  readonly filters: readonly HttpFilter[]
  /** Registers the connection for as long as it lasts; `cut` ends it when it is no longer allowed. */
  hold(cut: (why: CodedError) => void): Disposable
}

const nothingHeld: Disposable = { [Symbol.dispose]() {} }
/** For connections that no policy concerns. */
export const freePassage: Passage = { filters: [], hold: () => nothingHeld }

/** Asks whoever decides for each end of a connection: the node's agent where one has attached, NetworkPolicy alone elsewhere. */
export interface ConnectionGuard {
  /** Whether an agent decides for the endpoint. */
  guards(endpoint: Endpoint): boolean
  /** @throws CodedError `ConnectionTimedOut` when a policy drops it */
  admit(connection: Omit<Connection, 'sourcePort'>): Passage
  /** Asks as for a connection that is held: what is allowed leaves no record. @throws CodedError `ConnectionTimedOut` */
  check(connection: Omit<Connection, 'sourcePort'>): void
  /** Asks for a look-up; returns what is to be told the answer. @throws CodedError `NameRefused`, `ConnectionTimedOut` */
  admitName(source: Endpoint, name: string): ((addresses: readonly string[]) => void) | undefined
  nodeNetwork(node: string, endpoints: Pick<NodeNetwork, 'onEndpoint'>): NodeNetwork
}

interface Held { readonly connection: Connection; cut(why: CodedError): void }

const firstEphemeral = 32_768
const ephemeralPorts = 28_232

export function createConnectionGuard(policy: PolicyCheck): ConnectionGuard {
  const paths = new Map<string, DataPath>()
  const held = new Set<Held>()
  let nextPort = 0
  const pathOf = (endpoint: Endpoint) => (endpoint.nodeName === undefined || paths.size === 0 ? undefined : paths.get(endpoint.nodeName))

  const decide = (direction: Direction, connection: Connection): Verdict => {
    const path = pathOf(direction === 'egress' ? connection.source : connection.destination)
    if (path !== undefined) return path.connect(direction, connection)
    policy.check(direction, connection.source, connection.destination, connection.port)
    return { allowed: true }
  }
  return {
    guards: (endpoint) => pathOf(endpoint) !== undefined,
    admit(wanted) {
      if (wanted.source.ip === wanted.destination.ip) return freePassage
      // Nobody binds the dialling end; records show a port as a kernel would choose it.
      nextPort = (nextPort + 1) % ephemeralPorts
      const connection: Connection = { ...wanted, sourcePort: firstEphemeral + nextPort }
      const filters: HttpFilter[] = []
      for (const direction of ['egress', 'ingress'] as const) {
        const { allowed, why, http } = decide(direction, connection)
        if (!allowed) throw dropped(direction, connection, why)
        if (http !== undefined) filters.push(http)
      }
      if (paths.size === 0) return freePassage
      return {
        filters,
        hold(cut) {
          const entry = { connection, cut }
          held.add(entry)
          return { [Symbol.dispose]: () => void held.delete(entry) }
        },
      }
    },
    check(wanted) {
      if (wanted.source.ip === wanted.destination.ip) return
      const connection: Connection = { ...wanted, sourcePort: firstEphemeral }
      for (const direction of ['egress', 'ingress'] as const) {
        const path = pathOf(direction === 'egress' ? wanted.source : wanted.destination)
        if (path === undefined) policy.check(direction, wanted.source, wanted.destination, wanted.port)
        else {
          const { allowed, why } = path.recheck(direction, connection)
          if (!allowed) throw dropped(direction, connection, why)
        }
      }
    },
    admitName(source, name) {
      const asked = pathOf(source)?.query(source, name)
      if (asked === undefined) return undefined
      if (asked.verdict === 'refused') {
        throw new CodedError({ code: 'NameRefused', message: `the DNS proxy refuses this name to pod ${source.namespace}/${source.pod}: no DNS rule of ${asked.why ?? 'its policies'} allows it`, where: name, remedy: 'allow the name with matchName or matchPattern under rules.dns' })
      }
      if (asked.verdict === 'dropped') {
        throw new CodedError({ code: 'ConnectionTimedOut', message: `DNS of pod ${source.namespace}/${source.pod} is not allowed by ${asked.why ?? 'a policy'}`, where: name, remedy: 'allow egress to kube-dns in kube-system, port 53' })
      }
      return asked.answered === undefined ? undefined : (addresses) => asked.answered?.(addresses)
    },
    nodeNetwork: (node, { onEndpoint }) => ({
      node, onEndpoint,
      attach: (path) => void paths.set(node, path),
      reevaluate() {
        const path = paths.get(node)
        if (path === undefined) return
        for (const entry of held) {
          const { connection } = entry
          for (const direction of ['egress', 'ingress'] as const) {
            if ((direction === 'egress' ? connection.source : connection.destination).nodeName !== node) continue
            const { allowed, why } = path.recheck(direction, connection)
            if (allowed) continue
            held.delete(entry)
            entry.cut(new CodedError({ code: 'ConnectionReset', message: `${direction} of the connection is no longer allowed by ${why ?? 'policy'}`, where: `${connection.destination.ip}:${connection.port}` }))
            break
          }
        }
      },
    }),
  }
}

function dropped(direction: Direction, { source, destination, port, name }: Connection, why = 'a policy'): CodedError {
  const subject = direction === 'egress' ? source : destination
  return new CodedError({
    code: 'ConnectionTimedOut', message: `${direction} of ${subject.pod === undefined ? subject.ip : `pod ${subject.namespace}/${subject.pod}`} is not allowed by ${why}`,
    where: `${direction === 'egress' ? name ?? destination.ip : source.ip} port ${port}`, remedy: 'add a rule that allows it to one of these policies',
  })
}
