import { CodedError } from '@idp/kit'
import type { LogLine } from '@idp/lang-logql'
import { parseSelector, type Labels } from '@idp/lang-promql'

export interface PushedStream { readonly labels: Labels; readonly lines: readonly LogLine[] }

/** A line may not be longer than this many bytes (`max_line_size`). */
const longestLine = 256 * 1024

/** Milliseconds, to the microsecond, of nanoseconds written as text. */
export function millisecondsOf(nanoseconds: string): number {
  const digits = nanoseconds.padStart(7, '0')
  return Number(digits.slice(0, -6)) + Math.floor(Number(digits.slice(-6)) / 1000) / 1000
}

/** Nanoseconds as text, of milliseconds. */
export function nanosecondsOf(ms: number): string {
  const whole = Math.floor(ms)
  return `${whole}${String(Math.round((ms - whole) * 1000) * 1000).padStart(6, '0')}`
}

const bad = (message: string): CodedError => new CodedError({ code: 'BadPush', message })

/** Reads the JSON body of `/loki/api/v1/push`. Throws CodedError `BadPush` with what Loki would say. */
export function readJsonPush(body: unknown): PushedStream[] {
  const streams = (body as { streams?: unknown } | null)?.streams
  if (!Array.isArray(streams)) throw bad('loghttp.PushRequest.Streams: a list of streams is expected')
  return streams.map((stream: { stream?: Record<string, string>; values?: unknown[] }) => {
    const labels = checkedLabels(stream.stream ?? {})
    return { labels, lines: (stream.values ?? []).map((value) => {
      const [time, line, metadata] = value as [unknown, unknown, Labels?]
      if (typeof time !== 'string' || !/^\d+$/.test(time) || typeof line !== 'string') throw bad(`cannot read entry ${JSON.stringify(value).slice(0, 80)}: a pair of nanoseconds and text is expected`)
      return checkedLine({ t: millisecondsOf(time), line, ...(metadata === undefined ? {} : { metadata }) }, labels)
    }) }
  })
}

function checkedLine(line: LogLine, labels: Labels): LogLine {
  const size = Buffer.byteLength(line.line)
  if (size > longestLine) throw bad(`Max entry size '${longestLine}' bytes exceeded for stream '${JSON.stringify(labels)}' while adding an entry with length '${size}' bytes`)
  return line
}

function checkedLabels(labels: Readonly<Record<string, string>>): Labels {
  const names = Object.keys(labels)
  if (names.length === 0) throw bad("error at least one label pair is required per stream")
  if (names.length > 15) throw bad(`entry for stream '${JSON.stringify(labels)}' has ${names.length} label names; limit 15`)
  for (const name of names) if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) throw bad(`invalid label name ${JSON.stringify(name)}`)
  return labels
}

/** Reads the protobuf body (`logproto.PushRequest`, snappy already taken off). */
export function readProtobufPush(bytes: Uint8Array): PushedStream[] {
  return fieldsOf(bytes).filter(({ number }) => number === 1).map(({ bytes: stream }) => {
    const fields = fieldsOf(stream)
    const selector = new TextDecoder().decode(fields.find(({ number }) => number === 1)?.bytes ?? new Uint8Array())
    const labels = checkedLabels(Object.fromEntries(parseSelector(selector).map(({ label, value }) => [label, value])))
    return { labels, lines: fields.filter(({ number }) => number === 2).map(({ bytes: entry }) => {
      const parts = fieldsOf(entry)
      const time = fieldsOf(parts.find(({ number }) => number === 1)?.bytes ?? new Uint8Array())
      const [seconds, nanos] = [time.find(({ number }) => number === 1)?.value ?? 0, time.find(({ number }) => number === 2)?.value ?? 0]
      return checkedLine({ t: seconds * 1000 + Math.floor(nanos / 1000) / 1000, line: new TextDecoder().decode(parts.find(({ number }) => number === 2)?.bytes ?? new Uint8Array()) }, labels)
    }) }
  })
}

interface Field { readonly number: number; readonly value: number; readonly bytes: Uint8Array }

/** The fields of one protobuf message. */
function fieldsOf(message: Uint8Array): Field[] {
  const fields: Field[] = []
  let at = 0
  const varint = (): number => {
    let [value, shift] = [0, 1]
    for (;;) {
      const byte = message[at++]
      if (byte === undefined) throw bad('unexpected end of the protobuf message')
      value += (byte & 0x7f) * shift
      if (byte < 0x80) return value
      shift *= 128
    }
  }
  while (at < message.length) {
    const key = varint()
    const [number, type] = [Math.floor(key / 8), key & 7]
    if (type === 0) fields.push({ number, value: varint(), bytes: new Uint8Array() })
    else if (type === 2) {
      const length = varint()
      if (at + length > message.length) throw bad('unexpected end of the protobuf message')
      fields.push({ number, value: 0, bytes: message.subarray(at, at + length) })
      at += length
    } else if (type === 1) at += 8
    else if (type === 5) at += 4
    else throw bad(`unknown protobuf wire type ${type}`)
  }
  return fields
}

/** Takes snappy's block compression off. Throws CodedError `BadPush` for what is none, or larger than `limit` bytes. */
export function unsnappy(input: Uint8Array, limit: number): Uint8Array {
  let at = 0
  const next = (): number => { const byte = input[at++]; if (byte === undefined) throw bad('snappy: corrupt input'); return byte }
  let [length, shift] = [0, 0]
  for (let byte = next(); ; byte = next()) {
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
    shift += 7
  }
  if (length > limit) throw bad(`message is larger than ${limit} bytes`)
  const output = new Uint8Array(length)
  let to = 0
  while (at < input.length) {
    const tag = next()
    if ((tag & 3) === 0) {
      let size = tag >> 2
      if (size >= 60) {
        const bytes = size - 59
        size = 0
        for (let i = 0; i < bytes; i++) size += next() * 2 ** (8 * i)
      }
      size++
      if (at + size > input.length || to + size > length) throw bad('snappy: corrupt input')
      output.set(input.subarray(at, at + size), to)
      at += size
      to += size
      continue
    }
    const [size, offset] = (tag & 3) === 1 ? [4 + ((tag >> 2) & 7), (tag >> 5) * 256 + next()] : (tag & 3) === 2 ? [(tag >> 2) + 1, next() + next() * 256] : [(tag >> 2) + 1, next() + next() * 256 + next() * 65_536 + next() * 16_777_216]
    if (offset === 0 || offset > to || to + size > length) throw bad('snappy: corrupt input')
    for (let i = 0; i < size; i++) { output[to] = output[to - offset] ?? 0; to++ }
  }
  if (to !== length) throw bad('snappy: corrupt input')
  return output
}
