import { CodedError, isCoded } from '@idp/kit'
import { parseTree, treeMode } from './git-tree.ts'
import type { RefUpdate } from './http-server.ts'
import { openObjectStore, type ObjectStore } from './object-store.ts'
import { parseCommit } from './parse-commit.ts'
import { flushPacket, packet, packetsBeforeFlush } from './pkt-line.ts'
import { isRefName, readHead, readRefs, writeRef } from './refs.ts'
import { storePack, type StoredObject } from './store-pack.ts'

const none = '0'.repeat(40)
const capabilities = 'report-status delete-refs ofs-delta atomic quiet object-format=sha1 agent=git/2.39.0-idp'

/** The refs that a client may move (gitprotocol-pack, "Reference Discovery"). */
export async function advertiseReceivePack(dir: string): Promise<Buffer> {
  const refs = await readRefs(dir)
  const lines = refs.length === 0 ? [`${none} capabilities^{}`] : refs.map(({ name, id }) => `${id} ${name}`)
  return Buffer.from(packet('# service=git-receive-pack\n') + flushPacket + lines.map((line, at) => packet(at === 0 ? `${line}\0${capabilities}\n` : `${line}\n`)).join('') + flushPacket)
}

export interface Received { readonly report: Buffer; readonly updates: readonly RefUpdate[] }

/**
 * Takes a push: stores and checks the pack, then moves each ref that may be moved. What is reported as done is on the disk.
 * Undefined for what git itself must take (shallow pushes, certificates, push options).
 */
export async function serveReceivePack(dir: string, body: Buffer): Promise<Received | undefined> {
  const begin = packetsBeforeFlush(body)
  if (begin === undefined) return undefined
  const [first = ''] = begin.lines
  const said = new Set((first.split('\0')[1] ?? '').split(' '))
  const commands = begin.lines.map((line) => readCommand(line.split('\0')[0] ?? ''))
  if (said.has('push-options') || said.has('side-band-64k') || !commands.every((one) => one !== undefined)) return undefined
  const store = openObjectStore(dir)
  try {
    const problem = await takePack(dir, body.subarray(begin.length), commands, store)
    const refused = problem === undefined ? await refusals(dir, commands, store) : new Map(commands.map(({ ref }) => [ref, 'unpacker error']))
    if (said.has('atomic') && refused.size > 0) for (const { ref } of commands) if (!refused.has(ref)) refused.set(ref, 'atomic push failure')
    const updates: RefUpdate[] = []
    for (const one of commands) {
      if (refused.has(one.ref)) continue
      try {
        await writeRef(dir, one.ref, one.after === none ? undefined : one.after, { durable: true })
        if (one.before !== one.after) updates.push(one)
      } catch (error) {
        if (!isCoded(error)) throw error
        refused.set(one.ref, error.message)
      }
    }
    const lines = [`unpack ${problem ?? 'ok'}`, ...commands.map(({ ref }) => (refused.has(ref) ? `ng ${ref} ${refused.get(ref)}` : `ok ${ref}`))]
    return { report: Buffer.from(said.has('report-status') ? lines.map((line) => packet(`${line}\n`)).join('') + flushPacket : ''), updates }
  } finally {
    await store.close()
  }
}

function readCommand(line: string): RefUpdate | undefined {
  const [, before = '', after = '', ref = ''] = /^([0-9a-f]{40}) ([0-9a-f]{40}) (\S+)$/.exec(line) ?? []
  return ref === '' ? undefined : { before, after, ref }
}

/** Stores the pack that follows the commands. Gives what is wrong with it. */
async function takePack(dir: string, pack: Buffer, commands: readonly RefUpdate[], store: ObjectStore): Promise<string | undefined> {
  if (pack.length === 0 && commands.every(({ after }) => after === none)) return undefined
  try {
    const objects = pack.length === 0 ? [] : await storePack(dir, pack, { store, durable: true })
    await checkConnected(objects, store)
    return undefined
  } catch (error) {
    if (!isCoded(error)) throw error
    return error.message
  }
}

/** Everything that the new objects refer to is there. What was there before is complete already. */
async function checkConnected(objects: readonly StoredObject[], store: ObjectStore): Promise<void> {
  const known = new Set(objects.map(({ id }) => id))
  for (const { id, type, content } of objects) {
    for (const named of references(type, content)) {
      if (known.has(named)) continue
      if (!(await store.has(named))) throw new CodedError({ code: 'GitCorrupt', message: `${type} ${id} refers to ${named}, which is missing` })
      known.add(named)
    }
  }
}

function references(type: StoredObject['type'], content: Buffer): readonly string[] {
  if (type === 'tree') return parseTree(content).filter(({ mode }) => mode !== treeMode.submodule).map(({ id }) => id)
  if (type === 'tag') return /^object ([0-9a-f]{40})$/m.exec(content.toString('latin1'))?.slice(1) ?? []
  if (type !== 'commit') return []
  const { tree, parents } = parseCommit('', content.toString())
  return [tree, ...parents]
}

/** Why refs may not be moved, by name. */
async function refusals(dir: string, commands: readonly RefUpdate[], store: ObjectStore): Promise<Map<string, string>> {
  const now = new Map((await readRefs(dir)).map(({ name, id }) => [name, id]))
  const head = await readHead(dir)
  const refused = new Map<string, string>()
  for (const { ref, before, after } of commands) {
    const live = now.get(ref) ?? none
    if (!isRefName(ref) || !ref.startsWith('refs/')) refused.set(ref, 'funny refname')
    else if (after === none && ref === head) refused.set(ref, 'deletion of the current branch prohibited')
    else if (live !== before && live !== after) refused.set(ref, 'fetch first')
    else if (after !== none && !(await isFitFor(ref, after, store))) refused.set(ref, 'missing necessary objects')
  }
  return refused
}

/** Branches name commits; other refs anything that is there. */
async function isFitFor(ref: string, id: string, store: ObjectStore): Promise<boolean> {
  const object = await store.read(id)
  return object !== undefined && (object.type === 'commit' || !ref.startsWith('refs/heads/'))
}
