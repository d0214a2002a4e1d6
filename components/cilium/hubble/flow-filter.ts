import { RE2JS } from 're2js'
import { compileCidr } from '../policy/cidr.ts'
import { uuidOf } from './flow-message.ts'
import { dropReasons, type Flow, type FlowEnd } from './flow.ts'

/** Message `flow.FlowFilter` of upstream's API: all fields that are given must match, of a field one value. */
export interface FlowFilter {
  readonly uuid?: readonly string[]
  readonly source_ip?: readonly string[]
  readonly source_pod?: readonly string[]
  readonly source_fqdn?: readonly string[]
  readonly source_label?: readonly string[]
  readonly source_service?: readonly string[]
  readonly source_workload?: readonly { readonly name?: string; readonly kind?: string }[]
  readonly source_identity?: readonly number[]
  readonly source_port?: readonly string[]
  readonly destination_ip?: readonly string[]
  readonly destination_pod?: readonly string[]
  readonly destination_fqdn?: readonly string[]
  readonly destination_label?: readonly string[]
  readonly destination_service?: readonly string[]
  readonly destination_workload?: readonly { readonly name?: string; readonly kind?: string }[]
  readonly destination_identity?: readonly number[]
  readonly destination_port?: readonly string[]
  readonly traffic_direction?: readonly string[]
  readonly verdict?: readonly string[]
  readonly drop_reason_desc?: readonly string[]
  readonly event_type?: readonly { readonly type?: number; readonly match_sub_type?: boolean; readonly sub_type?: number }[]
  readonly http_status_code?: readonly string[]
  readonly http_method?: readonly string[]
  readonly http_path?: readonly string[]
  readonly protocol?: readonly string[]
  readonly reply?: readonly boolean[]
  readonly dns_query?: readonly string[]
  readonly node_name?: readonly string[]
  readonly ip_version?: readonly string[]
}

export type FlowMatch = (flow: Flow) => boolean

/** Flows that one of `allow` matches (all, when it is empty) and none of `deny`. @throws Error for a filter that is not supported or not valid */
export function compileFilters(allow: readonly FlowFilter[], deny: readonly FlowFilter[]): FlowMatch {
  const allowed = allow.map(compileFilter)
  const denied = deny.map(compileFilter)
  return (flow) => (allowed.length === 0 || allowed.some((match) => match(flow))) && !denied.some((match) => match(flow))
}

type Field = keyof FlowFilter
type Compile = (values: never) => FlowMatch

const any = <T>(values: readonly T[], test: (value: T, flow: Flow) => boolean): FlowMatch => (flow) => values.some((value) => test(value, flow))
const ofEnd = (end: 'source' | 'destination', compile: (value: string) => (end: FlowEnd, flow: Flow) => boolean): Compile => (values: readonly string[]) => {
  const tests = values.map(compile)
  return (flow) => tests.some((test) => test(flow[end], flow))
}

const ips = (value: string) => {
  const contains = compileCidr(value, { orAddress: true })
  return ({ ip }: FlowEnd) => contains(ip)
}
/** `pod`, `namespace/pod` and `namespace/`, by prefix; without namespace it is `default`. */
const pods = (value: string) => {
  const slash = value.indexOf('/')
  const namespace = slash < 0 ? 'default' : value.slice(0, slash)
  const prefix = value.slice(slash + 1)
  return (end: FlowEnd) => end.pod !== undefined && (namespace === '' || end.namespace === namespace) && end.pod.startsWith(prefix)
}
/** `key`, `!key`, `key=value`, `key!=value`, `key in (a,b)`, several with commas. */
const labelSelector = (value: string) => {
  const parts = value.split(/,(?![^(]*\))/).map((part) => part.trim())
  const tests = parts.map((part) => {
    const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(part)
    if (set !== null) {
      const values = (set[3] ?? '').split(',').map((v) => v.trim())
      return (of: (key: string) => string | undefined) => values.includes(of(set[1] ?? '') ?? '\0') === (set[2] === 'in')
    }
    const unequal = part.split('!=')
    if (unequal.length === 2) return (of: (key: string) => string | undefined) => of(unequal[0]?.trim() ?? '') !== unequal[1]?.trim()
    const equal = /^([^=]+)==?(.*)$/.exec(part)
    if (equal !== null) return (of: (key: string) => string | undefined) => of(equal[1]?.trim() ?? '') === equal[2]?.trim()
    return part.startsWith('!') ? (of: (key: string) => string | undefined) => of(part.slice(1)) === undefined : (of: (key: string) => string | undefined) => of(part) !== undefined
  })
  return ({ labels }: FlowEnd) => {
    const of = (key: string): string | undefined => {
      for (const label of labels) {
        const equals = label.indexOf('=')
        const name = equals < 0 ? label : label.slice(0, equals)
        if (name === key || name.slice(name.indexOf(':') + 1) === key) return equals < 0 ? '' : label.slice(equals + 1)
      }
      return undefined
    }
    return tests.every((test) => test(of))
  }
}
const services = (value: string) => {
  const slash = value.indexOf('/')
  const namespace = slash < 0 ? 'default' : value.slice(0, slash)
  const prefix = value.slice(slash + 1)
  return (_end: FlowEnd, { service }: Flow) => service !== undefined && (namespace === '' || service.namespace === namespace) && service.name.startsWith(prefix)
}
const workloads = (end: 'source' | 'destination'): Compile => (values: NonNullable<FlowFilter['source_workload']>) =>
  any(values, ({ name, kind }, flow) => flow[end].workload !== undefined && (name === undefined || name === '' || flow[end].workload?.name === name) && (kind === undefined || kind === '' || flow[end].workload?.kind === kind))
const names = (value: string) => {
  const pattern = glob(value)
  return (_end: FlowEnd, flow: Flow) => flow.names?.some((name) => pattern.test(name)) === true
}
/** Statuses by prefix: `404`, `5+`. */
const statuses = (values: readonly string[]): FlowMatch => any(values, (value, { l7 }) => {
  const code = l7 !== undefined && 'http' in l7 ? l7.http.code : undefined
  return code !== undefined && (value.endsWith('+') ? String(code).startsWith(value.slice(0, -1)) : String(code) === value)
})
const expressions = (read: (flow: Flow) => string | undefined): Compile => (values: readonly string[]) => {
  const compiled = values.map((value) => RE2JS.compile(value))
  return (flow) => {
    const text = read(flow)
    return text !== undefined && compiled.some((expression) => expression.matcher(text).find())
  }
}
const protocols = (values: readonly string[]): FlowMatch => any(values, (value, { protocol, l7 }) => {
  const wanted = value.toLowerCase()
  if (wanted === 'http') return l7 !== undefined && 'http' in l7
  if (wanted === 'dns') return l7 !== undefined && 'dns' in l7
  return protocol.toLowerCase() === wanted
})
const known: Readonly<Partial<Record<Field, Compile>>> = {
  uuid: (values: readonly string[]) => any(values, (value, flow) => uuidOf(flow) === value),
  source_ip: ofEnd('source', ips), destination_ip: ofEnd('destination', ips), source_pod: ofEnd('source', pods), destination_pod: ofEnd('destination', pods),
  source_label: ofEnd('source', labelSelector), destination_label: ofEnd('destination', labelSelector),
  source_service: (values: readonly string[]) => both((flow) => flow.reply === true, ofEnd('source', services)(values as never)), destination_service: (values: readonly string[]) => both((flow) => flow.reply !== true, ofEnd('destination', services)(values as never)),
  source_workload: workloads('source'), destination_workload: workloads('destination'),
  source_fqdn: (values: readonly string[]) => both((flow) => flow.reply === true, ofEnd('source', names)(values as never)), destination_fqdn: (values: readonly string[]) => both((flow) => flow.reply !== true, ofEnd('destination', names)(values as never)),
  source_identity: (values: readonly number[]) => any(values, (value, flow) => flow.source.identity === value), destination_identity: (values: readonly number[]) => any(values, (value, flow) => flow.destination.identity === value),
  source_port: (values: readonly string[]) => any(values, (value, flow) => inPorts(value, flow.sourcePort)), destination_port: (values: readonly string[]) => any(values, (value, flow) => inPorts(value, flow.destinationPort)),
  traffic_direction: (values: readonly string[]) => any(values, (value, flow) => flow.direction === value), verdict: (values: readonly string[]) => any(values, (value, flow) => flow.verdict === value),
  drop_reason_desc: (values: readonly string[]) => any(values, (value, flow) => flow.dropReason !== undefined && dropReasons[flow.dropReason] === value),
  event_type: (values: NonNullable<FlowFilter['event_type']>) => any(values, ({ type = 0, match_sub_type = false, sub_type = 0 }, flow) => (type === 0 || flow.type === type) && (!match_sub_type || flow.subType === sub_type)),
  http_status_code: statuses, http_method: (values: readonly string[]) => any(values, (value, { l7 }) => l7 !== undefined && 'http' in l7 && l7.http.method.toUpperCase() === value.toUpperCase()),
  http_path: expressions(({ l7 }) => (l7 !== undefined && 'http' in l7 ? new URL(l7.http.url).pathname : undefined)), protocol: protocols,
  reply: (values: readonly boolean[]) => any(values, (value, flow) => (flow.reply ?? false) === value),
  dns_query: expressions(({ l7 }) => (l7 !== undefined && 'dns' in l7 ? l7.dns.query : undefined)),
  node_name: (values: readonly string[]) => any(values.map((value) => glob(value.slice(value.indexOf('/') + 1) || '*')), (pattern, flow) => pattern.test(flow.node)),
  ip_version: (values: readonly string[]) => any(values, (value, flow) => value === (flow.destination.ip.includes(':') ? 'IPv6' : 'IPv4')),
}

function compileFilter(filter: FlowFilter): FlowMatch {
  const tests = Object.entries(filter).flatMap(([field, values]) => {
    if (!Array.isArray(values) || values.length === 0) return []
    const compile = known[field as Field]
    if (compile === undefined) throw new Error(`filter ${field} is not supported`)
    return [compile(values as never)]
  })
  return (flow) => tests.every((test) => test(flow))
}

const both = (a: FlowMatch, b: FlowMatch): FlowMatch => (flow) => a(flow) && b(flow)

function inPorts(value: string, port: number): boolean {
  const [from = '', to = from] = value.split('-')
  return port >= Number(from) && port <= Number(to)
}

function glob(text: string): RegExp {
  return new RegExp(`^${text.toLowerCase().replace(/\.$/, '').split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')).join('[^/]*')}$`)
}

