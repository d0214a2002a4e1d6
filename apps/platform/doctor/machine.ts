import type { Problem } from './diagnose.ts'

/** What can be seen on this machine without a cluster; what was not looked at is absent. */
export interface MachineFacts {
  readonly node: string
  /** The state directory and what it holds. */
  readonly directory?: { readonly path: string; readonly exists: boolean; readonly uid?: number; readonly mode?: number; readonly freeBytes?: number; readonly writable: boolean }
  readonly user?: number
  readonly engine?: { readonly name: string; readonly recorded: boolean; readonly embedded: boolean; /** The command that starts it. */ readonly start: string; /** The process that holds its store though the engine does not run. */ readonly heldBy?: number | undefined; readonly running: boolean; readonly lastErrors: readonly string[] }
  /** Ports the engine wants and that another process holds; looked at only while it does not run. */
  readonly takenPorts?: readonly { readonly port: number; readonly flag: string }[]
  /** Milliseconds by which the API server's clock is ahead of this one. */
  readonly clockSkew?: number
}

const leastFree = 512 * 1024 * 1024
const leastNode = 24
const mostSkew = 60_000

type Row = readonly [subject: string, says: string, remedy: string]

/** What is wrong with the machine, the most basic first. Pure. */
export function machineProblems(facts: MachineFacts): readonly Problem[] {
  const rows: Row[] = [...nodeRows(facts), ...directoryRows(facts), ...engineRows(facts)]
  if (facts.clockSkew !== undefined && Math.abs(facts.clockSkew) > mostSkew) {
    rows.push(['the clock', `of this machine is ${Math.round(Math.abs(facts.clockSkew) / 1000)} s ${facts.clockSkew > 0 ? 'behind' : 'ahead of'} the API server's: certificates and tokens will be refused`, 'Set the clock by NTP: timedatectl set-ntp true'])
  }
  return rows.map(([subject, says, remedy]) => ({ chain: [{ subject, says }], remedy, also: [], weight: 1 }))
}

function nodeRows({ node }: MachineFacts): Row[] {
  const major = Number(/^v?(\d+)/.exec(node)?.[1] ?? 0)
  return major >= leastNode ? [] : [['Node.js', `is ${node}; idp needs ${leastNode} or newer`, `Install Node ${leastNode}, or start with ./idp, which brings its own`]]
}

function directoryRows({ directory, user }: MachineFacts): Row[] {
  if (directory === undefined || !directory.exists) return []
  const { path, uid, mode = 0o700, freeBytes, writable } = directory
  const rows: Row[] = []
  if (user !== undefined && uid !== undefined && uid !== user) rows.push([`the data directory ${path}`, `belongs to another user (id ${uid}, you are ${user})`, `chown -R ${user} '${path}', or choose another with --data-dir`])
  else if (!writable) rows.push([`the data directory ${path}`, 'cannot be written', `chmod u+rwx '${path}', or choose another with --data-dir`])
  if ((mode & 0o077) !== 0) rows.push([`the data directory ${path}`, `can be entered by others (mode ${(mode & 0o777).toString(8)}); it holds keys`, `chmod 700 '${path}'`])
  if (freeBytes !== undefined && freeBytes < leastFree) rows.push(['the disk', `under ${path} is nearly full: ${Math.floor(freeBytes / 1024 / 1024)} MB are free`, 'Free space: writes are refused when it is full'])
  return rows
}

function engineRows({ engine, takenPorts = [] }: MachineFacts): Row[] {
  if (engine === undefined) return [['the cluster', 'does not exist yet', "Start it: idp up"]]
  if (!engine.embedded || engine.running) return []
  const ports: Row[] = takenPorts.map(({ port, flag }) => [`port ${port}`, `is held by another process, and the engine needs it`, `Stop that process, or give idp another port: ${engine.start} ${flag} PORT`])
  const held: Row[] = engine.heldBy === undefined ? [] : [[`the store of cluster ${engine.name}`, `is held by process ${engine.heldBy}`, 'Stop that process, or use another --data-dir']]
  const last = engine.lastErrors.length === 0 ? '' : `; the last errors in its log:\n${engine.lastErrors.map((line) => `| ${line}`).join('\n')}`
  return [...held, ...ports, [`the engine of cluster ${engine.name}`, `does not run${engine.recorded ? `: its process has ended without 'idp down'${last}` : ''}`, `Start it again: ${engine.start}; nothing acknowledged is lost`]]
}
