import { Pod } from '@idp/api'
import { informer } from '@idp/controller'
import { CodedError, isCoded, messageOf } from '@idp/kit'
import { untilAborted, type Container, type Program } from '@idp/sandbox'
import { checkKeys, isOn, matchTag, readConfig, type Section } from '../engine/config.ts'
import { createFilter, type Filter, type PodFacts } from '../engine/filters.ts'
import { lokiOutput, type LokiTarget } from '../engine/loki-output.ts'
import type { FluentRecord } from '../engine/record.ts'
import { watchFiles } from '../engine/file-changes.ts'
import { createTail, type Positions, type Tail } from '../engine/tail.ts'

/** Stands in for Fluent Bit: follows the node's container logs, adds what Kubernetes knows of them, hands them on. */
export const fluentBit: Program = { images: ['cr.fluentbit.io/fluent/fluent-bit', 'docker.io/fluent/fluent-bit'], main: run }

/** Records that wait for an output that does not answer; older ones then stay in their files, where they are read again. */
const mostWaiting = 20_000

interface Output { readonly matches: (tag: string) => boolean; readonly name: string; readonly write: (records: readonly FluentRecord[]) => Promise<void>; waiting: FluentRecord[] }
interface Counts { read: number; written: number; errors: number; dropped: number }

async function run(container: Container): Promise<number> {
  const { clock, files, log, net, args, signal } = container
  const file = args.map((arg, index) => /^(?:--config=|-c=?)(.+)$/.exec(arg)?.[1] ?? (arg === '-c' || arg === '--config' ? args[index + 1] : undefined)).find((one) => one !== undefined) ?? '/fluent-bit/etc/conf/fluent-bit.conf'
  const sections = readConfig(await files.readText(file), file)
  const service = sections.find(({ kind }) => kind === 'SERVICE')
  const counts: Counts = { read: 0, written: 0, errors: 0, dropped: 0 }
  const filters = sections.filter(({ kind }) => kind === 'FILTER').map((section) => createFilter(section, file, { pod: podFacts(container) }))
  const outputs = sections.filter(({ kind }) => kind === 'OUTPUT').map((section) => createOutput(section, file, container))
  const flushMs = Number(service?.get('flush') ?? 1) * 1000
  const started = clock.now()
  await using _listener = await net.listen(Number(service?.get('http_port') ?? 2020), { handler: (request) => answer(new URL(request.url).pathname, counts, () => (clock.now() - started) / 1000) })
  const tails = await Promise.all(sections.filter(({ kind }) => kind === 'INPUT').map((section) => openTail(section, file, container)))
  let busy = false
  const round = async (): Promise<void> => {
    if (outputs.every(({ waiting }) => waiting.length < mostWaiting)) for (const { tail, keep } of tails) {
      for (const { tag, records } of await tail.read()) take(tag, records, filters, outputs, counts)
      await keep(tail.positions())
    }
    for (const output of outputs) await send(output, counts, container)
  }
  const tick = async (): Promise<void> => {
    if (busy) return
    busy = true
    await round().catch((error: unknown) => { counts.errors++; log.error('a round failed', { error: messageOf(error) }) })
    busy = false
    if (!signal.aborted) timer = clock.timer(flushMs, () => void tick())
  }
  let timer: Disposable = clock.timer(flushMs, () => void tick())
  log.info('fluent-bit is following logs', { inputs: tails.length, filters: filters.length, outputs: outputs.length })
  await untilAborted(signal)
  timer[Symbol.dispose]()
  return 0
}

function take(tag: string, records: readonly FluentRecord[], filters: readonly Filter[], outputs: readonly Output[], counts: Counts): void {
  counts.read += records.length
  const mine = filters.filter(({ matches }) => matches(tag))
  for (const record of records) {
    if (!mine.every(({ apply }) => apply(record, tag))) { counts.dropped++; continue }
    for (const output of outputs) if (output.matches(tag)) output.waiting.push(record)
  }
}

/** What an output does not take is kept and offered again in the next round. */
async function send(output: Output, counts: Counts, { log }: Container): Promise<void> {
  if (output.waiting.length === 0) return
  const batch = output.waiting
  output.waiting = []
  try {
    await output.write(batch)
    counts.written += batch.length
  } catch (error) {
    counts.errors++
    if (isCoded(error, 'Refused')) { counts.dropped += batch.length; log.error('an output refused records', { output: output.name, records: batch.length, error: messageOf(error) }) }
    else { output.waiting = [...batch, ...output.waiting]; log.warn('an output does not answer; records are kept', { output: output.name, records: output.waiting.length, error: messageOf(error) }) }
  }
}

/** The pods of this node, watched from the first question on. */
function podFacts({ client, clock, log, pod, signal }: Container): (namespace: string, name: string) => PodFacts | undefined {
  if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
  const view = informer<Pod>(client, Pod, { clock, log, signal, query: { fieldSelector: `spec.nodeName=${pod.node}` } })
  return (namespace, name) => {
    const found = view.cache.get(name, namespace)
    return found === undefined ? undefined : {
      uid: found.metadata.uid ?? '', host: pod.node, labels: found.metadata.labels ?? {}, annotations: found.metadata.annotations ?? {},
      images: Object.fromEntries((found.spec?.containers ?? []).map((one) => [one.name, one.image ?? ''])),
    }
  }
}

function createOutput(section: Section, file: string, container: Container): Output {
  const name = section.get('name') ?? ''
  const base = { name, matches: matchTag(section.get('match') ?? '*'), waiting: [] }
  switch (name) {
    case 'loki': { const target = lokiOutput(section, file); return { ...base, write: (records) => post(target, records, container) } }
    case 'stdout': return { ...base, write: async (records) => { for (const { t, fields } of records) container.stdout(JSON.stringify([t / 1000, fields])) } }
    case 'null': return { ...base, write: async () => {} }
    default: throw new CodedError({ code: 'InvalidConfig', message: `output ${JSON.stringify(name)} is not supported by the stand-in`, where: `${file}:${section.line}` })
  }
}

async function post({ url, headers, insecure, body }: LokiTarget, records: readonly FluentRecord[], { net, signal }: Container): Promise<void> {
  const response = await net.fetch(url, { method: 'POST', headers, body: JSON.stringify(body(records)), insecure, signal })
  if (response.ok) return void await response.body?.cancel()
  const said = `${url} answered ${response.status}: ${(await response.text()).slice(0, 200).trim()}`
  throw new CodedError({ code: response.status >= 400 && response.status < 500 && response.status !== 429 ? 'Refused' : 'Unavailable', message: said })
}

const tailKeys = ['name', 'path', 'exclude_path', 'tag', 'multiline.parser', 'parser', 'db', 'db.locking', 'db.sync', 'mem_buf_limit', 'skip_long_lines', 'refresh_interval', 'read_from_head', 'rotate_wait', 'buffer_chunk_size', 'buffer_max_size', 'alias']

async function openTail(section: Section, file: string, { files, clock, signal }: Container): Promise<{ tail: Tail; keep: (positions: Positions) => Promise<void> }> {
  const name = section.get('name') ?? ''
  if (name !== 'tail') throw new CodedError({ code: 'InvalidConfig', message: `input ${JSON.stringify(name)} is not supported by the stand-in`, where: `${file}:${section.line}` })
  checkKeys(section, tailKeys, file)
  const path = section.get('path') ?? ''
  const at = path.lastIndexOf('/')
  const [folder, pattern] = [path.slice(0, at), path.slice(at + 1)]
  const db = section.get('db')
  const kept = db !== undefined && (await files.exists(db)) ? JSON.parse(await files.readText(db)) as Positions : {}
  const parser = section.get('multiline.parser') ?? section.get('parser') ?? ''
  const directory = await files.directory(folder)
  const changes = watchFiles(directory)
  signal.addEventListener('abort', () => changes[Symbol.dispose](), { once: true })
  const tail = createTail({
    directory, changes, shownAs: folder, pattern, exclude: (section.get('exclude_path') ?? '').split(',').map((one) => one.trim()).filter((one) => one !== ''), tag: section.get('tag') ?? 'tail.0',
    format: /cri|docker/.test(parser) ? 'cri' : 'plain', fromHead: isOn(section.get('read_from_head'), false), positions: kept,
  }, () => clock.now())
  let written: Positions | undefined
  return { tail, keep: async (positions) => {
    if (db === undefined || positions === written) return
    written = positions
    await files.write(db, JSON.stringify(positions))
  } }
}

function answer(path: string, { read, written, errors, dropped }: Counts, uptime: () => number): Response {
  switch (path) {
    case '/': return Response.json({ 'fluent-bit': { version: '4.1.0', edition: 'idp stand-in', flags: [] } })
    case '/api/v1/health': return new Response('ok\n')
    case '/api/v1/uptime': return Response.json({ uptime_sec: Math.floor(uptime()) })
    case '/api/v1/metrics': return Response.json({ input: { 'tail.0': { records: read } }, output: { 'loki.0': { proc_records: written, errors, dropped_records: dropped } } })
    case '/api/v1/metrics/prometheus': case '/api/v2/metrics/prometheus': case '/metrics':
      return new Response(`# TYPE fluentbit_input_records_total counter\nfluentbit_input_records_total{name="tail.0"} ${read}\n# TYPE fluentbit_output_proc_records_total counter\nfluentbit_output_proc_records_total{name="loki.0"} ${written}\n# TYPE fluentbit_output_errors_total counter\nfluentbit_output_errors_total{name="loki.0"} ${errors}\n# TYPE fluentbit_output_dropped_records_total counter\nfluentbit_output_dropped_records_total{name="loki.0"} ${dropped}\n`, { headers: { 'content-type': 'text/plain; version=0.0.4' } })
    default: return new Response('not found\n', { status: 404 })
  }
}
