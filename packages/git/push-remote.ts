import { CodedError } from '@idp/kit'
import { runGit } from './git-command.ts'
import { packOf, selectObjects } from './make-pack.ts'
import { openObjectStore } from './object-store.ts'
import { flushPacket, packet, packetText, readPackets } from './pkt-line.ts'
import { openRepository, type Repository } from './repository.ts'
import { bodyChunks, smartRequest, type Remote } from './smart-http.ts'

export interface PushRequest {
  /** Where the objects are. */
  readonly dir: string
  readonly commit: string
  /** Full name, e.g. `refs/heads/main`. */
  readonly ref: string
  /** Replace what is there even if it is not an ancestor. */
  readonly force?: boolean
}

const none = '0'.repeat(40)

/**
 * Pushes one commit to one ref over smart HTTP (gitprotocol-pack, report-status). Does nothing when the ref is there already.
 * Throws CodedError `PushRejected` with the server's reason, and those of `smartRequest`.
 */
export async function pushCommit(remote: Remote, { dir, commit, ref, force = false }: PushRequest): Promise<void> {
  const refs = await advertisedRefs(remote)
  const old = refs.get(ref) ?? none
  if (old === commit) return
  await using repository = openRepository(dir)
  if (!force && old !== none && !(await isAncestor(repository, old, commit))) {
    throw new CodedError({ code: 'PushRejected', message: `${ref} has commits that ${commit.slice(0, 7)} does not contain`, where: remote.url, remedy: 'Fetch and merge them first' })
  }
  const bases: string[] = []
  for (const id of new Set(refs.values())) if (await repository.has(id)) bases.push(id)
  const pack = await packFor(dir, commit, bases)
  const head = packet(`${old} ${commit} ${ref}\0 report-status object-format=sha1 agent=idp\n`) + flushPacket
  await receive(remote, Buffer.concat([Buffer.from(head), pack]))
}

/** Removes a ref from a server; does nothing when it is not there. Throws as `pushCommit`. */
export async function deleteRef(remote: Remote, ref: string): Promise<void> {
  const old = (await advertisedRefs(remote)).get(ref)
  if (old !== undefined) await receive(remote, Buffer.from(packet(`${old} ${none} ${ref}\0 report-status delete-refs object-format=sha1 agent=idp\n`) + flushPacket))
}

async function receive(remote: Remote, body: Uint8Array): Promise<void> {
  const response = await smartRequest(remote, { path: 'git-receive-pack', contentType: 'application/x-git-receive-pack-request', body })
  for await (const one of readPackets(bodyChunks(response))) {
    if (one.type !== 'data') continue
    const line = packetText(one.data)
    if (line.startsWith('ng ') || (line.startsWith('unpack ') && line !== 'unpack ok')) throw new CodedError({ code: 'PushRejected', message: `the Git server refused the push: ${line}`, where: remote.url })
  }
}

/** What the server lacks, as a pack. Large histories are git's to look through. */
async function packFor(dir: string, commit: string, bases: readonly string[]): Promise<Buffer> {
  const store = openObjectStore(dir)
  try {
    const ids = await selectObjects(store, { wants: [commit], haves: bases, limit: 20_000 })
    if (ids !== undefined) return await packOf(store, ids)
  } finally {
    await store.close()
  }
  return runGit(['pack-objects', '--revs', '--stdout', '--thin', '--delta-base-offset', '--quiet'], { dir, stdin: `${commit}\n${bases.map((id) => `^${id}\n`).join('')}` })
}

/** Looks at the newest commits itself: what is pushed is rarely far ahead. */
async function isAncestor(repository: Repository, old: string, commit: string): Promise<boolean> {
  if (!(await repository.has(old))) return false
  const seen = new Set<string>()
  for (let open = [commit]; open.length > 0;) {
    if (open.includes(old)) return true
    const parents = (await Promise.all(open.map(async (id) => (await repository.commit(id)).parents))).flat()
    open = [...new Set(parents)].filter((id) => !seen.has(id))
    for (const id of open) seen.add(id)
    if (seen.size > 5_000) return runGit(['merge-base', '--is-ancestor', old, commit], { dir: repository.dir }).then(() => true, () => false)
  }
  return false
}

async function advertisedRefs(remote: Remote): Promise<Map<string, string>> {
  const response = await smartRequest(remote, { path: 'info/refs?service=git-receive-pack' })
  const refs = new Map<string, string>()
  for await (const one of readPackets(bodyChunks(response))) {
    if (one.type !== 'data') continue
    const line = packetText(one.data).split('\0')[0] ?? ''
    if (line.startsWith('#')) continue
    const [id = '', name = ''] = line.split(' ')
    if (name !== 'capabilities^{}') refs.set(name, id)
  }
  return refs
}
