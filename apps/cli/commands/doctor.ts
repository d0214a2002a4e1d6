import { constants } from 'node:fs'
import { access, readFile, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { isCoded, messageOf } from '@idp/kit'
import { areaLines, examine, machineProblems, problemLines, type Examination, type MachineFacts, type Problem } from '@idp/platform'
import { clusterClient } from '../cluster-client.ts'
import { engineLog, findTarget, type CommandContext, type Target } from '../context.ts'
import { clusterDirectory } from '../data-directory.ts'
import { lastLines } from '../last-lines.ts'
import { processStart } from '../process-identity.ts'

/** Says what is healthy, and for what is not one chain of causes and the remedy. Exit code 1 unless everything is. */
export async function doctor(context: CommandContext): Promise<void> {
  const found = await findTarget(context)
  const reached = found === undefined || (found.record.engine === 'embedded' && !found.running) ? {} : await examineCluster(found, context)
  const machine = machineProblems(await machineFacts(context, found, reached.clockSkew))
  const problems = [...machine, ...('unreachable' in reached && reached.unreachable !== undefined ? [reached.unreachable] : []), ...(reached.examination?.problems ?? [])]
  const { examination } = reached
  const healthy = problems.length === 0 && examination !== undefined
  context.report.result(doctorText(found, machine, problems, examination), {
    cluster: found?.name, engine: found?.record.engine, healthy, machine: { healthy: machine.length === 0 }, areas: examination?.areas ?? [], problems, unread: examination?.unread ?? [], notices: examination?.notices ?? [],
  })
  if (!healthy) process.exitCode = 1
}

interface Reached { readonly examination?: Examination; readonly clockSkew?: number; readonly unreachable?: Problem }

async function examineCluster({ directory, record, name }: Target, { clock }: CommandContext): Promise<Reached> {
  try {
    const client = await clusterClient(directory)
    const date = Date.parse((await client.request('/version')).headers.get('date') ?? '')
    const examination = await examine(client, clock)
    return { examination, ...(Number.isNaN(date) ? {} : { clockSkew: date - clock.now() }) }
  } catch (error) {
    if (!isCoded(error, 'ApiUnreachable') && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    const remedy = record.engine === 'embedded' ? `Look at its log (idp logs engine); then idp down --name ${name} and idp up --name ${name}` : record.engine === 'k3d' ? `Start it: idp up --name ${name}` : `See that the cluster of context ${record.context ?? ''} runs and that this machine reaches it`
    return { unreachable: { chain: [{ subject: `the API server of cluster ${name}`, says: `does not answer: ${messageOf(error)}` }], remedy, also: [], weight: 1 } }
  }
}

async function machineFacts(context: CommandContext, found: Target | undefined, clockSkew: number | undefined): Promise<MachineFacts> {
  const directory = found?.directory ?? (context.name === undefined ? context.root : clusterDirectory(context.root, context.name))
  return {
    node: process.version, directory: { path: directory, ...(await directoryFacts(directory, found !== undefined)) },
    ...(process.getuid === undefined ? {} : { user: process.getuid() }), ...(clockSkew === undefined ? {} : { clockSkew }), ...(found === undefined ? {} : await engineFacts(found)),
  }
}

async function directoryFacts(path: string, keepsKeys: boolean): Promise<Omit<NonNullable<MachineFacts['directory']>, 'path'>> {
  const known = await stat(path).catch(() => undefined)
  if (known === undefined) return { exists: false, writable: false }
  const { bavail, bsize } = await statfs(path)
  const writable = await access(path, constants.W_OK | constants.X_OK).then(() => true, () => false)
  return { exists: true, uid: known.uid, writable, freeBytes: bavail * bsize, ...(keepsKeys && process.platform !== 'win32' ? { mode: known.mode } : {}) }
}

async function engineFacts({ name, directory, record, running }: Target): Promise<Pick<MachineFacts, 'engine' | 'takenPorts'>> {
  const embedded = record.engine === 'embedded'
  const idle = embedded && !running
  const lines = idle ? (await lastLines(engineLog(directory), 200)).split('\n').filter((line) => line.includes('"level":"error"') || !line.startsWith('{')).filter((line) => line !== '').slice(-3) : []
  const ports = idle ? [{ port: record.apiPort, flag: '--api-port' }, { port: record.httpsPort, flag: '--https-port' }, { port: record.httpPort, flag: '--http-port' }] : []
  const taken = await Promise.all(ports.map(async (row) => ((await isTaken(row.port)) ? [row] : [])))
  return { engine: { name, embedded, running, recorded: record.pid !== undefined, start: `${record.platform ? 'idp up' : 'idp cluster up'} --name ${name}`, heldBy: idle ? await holderOf(directory) : undefined, lastErrors: lines }, takenPorts: taken.flat() }
}

/** The live process that holds the engine's store, by the lock in its directory. */
async function holderOf(directory: string): Promise<number | undefined> {
  const text = await readFile(join(directory, 'engine', 'store', 'lock'), 'utf8').catch(() => '')
  const [, pid = '', started = ''] = /^\{"pid":(\d+),"started":"([^"]*)"\}$/.exec(text) ?? []
  const start = pid === '' ? undefined : processStart(Number(pid))
  return start !== undefined && started.endsWith(`/${start}`) ? Number(pid) : undefined
}

/** True when another process listens on the port of this machine; a port that this user may not open is not taken. */
function isTaken(port: number): Promise<boolean> {
  if (port === 0) return Promise.resolve(false)
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(false)))
  })
}

function doctorText(found: Target | undefined, machine: readonly Problem[], problems: readonly Problem[], examination: Examination | undefined): string {
  const head = [...areaLines([{ area: 'machine', well: machine.length === 0 ? 1 : 0, total: 1, healthy: machine.length === 0 }, ...(examination?.areas ?? [])])]
  const ending = problems.length === 0 ? (examination === undefined ? 'nothing could be examined' : `cluster ${found?.name} is healthy`) : problems.length === 1 ? '1 problem' : `${problems.length} problems; the one that most hangs on comes first`
  const unread = examination === undefined || examination.unread.length === 0 ? [] : ['', `not read (no permission, or their API does not answer): ${examination.unread.join(', ')}`]
  return [...head, ...problems.flatMap((problem) => ['', ...problemLines(problem)]), ...unread, ...(examination?.notices ?? []).flatMap((notice) => ['', `· ${notice}`]), '', ending].join('\n')
}
