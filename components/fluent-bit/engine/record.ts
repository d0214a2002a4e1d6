/** A record on its way from an input to an output. `t` in milliseconds, to the microsecond. */
export interface FluentRecord { readonly t: number; fields: Record<string, unknown> }

/** A line of a container's log in CRI format; undefined when it is none. `partial`: the rest follows. */
export function readCri(line: string): { readonly t: number; readonly stream: string; readonly partial: boolean; readonly log: string } | undefined {
  const [, time = '', stream = '', tag = '', log = ''] = /^(\S+) (stdout|stderr) ([FP])(?::\S*)? ?(.*)$/s.exec(line) ?? []
  const t = timeOf(time)
  return t === undefined ? undefined : { t, stream, partial: tag === 'P', log }
}

function timeOf(text: string): number | undefined {
  const [, whole = '', fraction = '', zone = 'Z'] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? []
  const ms = Date.parse(`${whole}${zone}`)
  return Number.isNaN(ms) ? undefined : ms + Math.floor(Number(fraction.padEnd(9, '0').slice(0, 9)) / 1000) / 1000
}

/** The value that an accessor such as `$kubernetes['labels']['app']` names. */
export function access(fields: Readonly<Record<string, unknown>>, accessor: string): unknown {
  const steps = [...accessor.replace(/^\$/, '').matchAll(/\['([^']*)'\]|\["([^"]*)"\]|([^.[\]]+)/g)].map(([, single, double, plain]) => single ?? double ?? plain ?? '')
  return steps.reduce<unknown>((value, step) => (value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[step] : undefined), fields)
}

/** Takes the value at an accessor out; maps that it leaves empty stay. */
export function removeAt(fields: Record<string, unknown>, accessor: string): void {
  const steps = [...accessor.replace(/^\$/, '').matchAll(/\['([^']*)'\]|\["([^"]*)"\]|([^.[\]]+)/g)].map(([, single, double, plain]) => single ?? double ?? plain ?? '')
  const parent = steps.slice(0, -1).reduce<unknown>((value, step) => (value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[step] : undefined), fields)
  const last = steps.at(-1)
  if (parent !== null && typeof parent === 'object' && last !== undefined) delete (parent as Record<string, unknown>)[last]
}
