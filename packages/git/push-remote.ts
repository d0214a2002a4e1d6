import { CodedError } from '@idp/kit'
import { runGit } from './git-command.ts'
import { flushPacket, packet, packetText, readPackets } from './pkt-line.ts'
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
  const has = async (id: string): Promise<boolean> => runGit(['cat-file', '-e', id], { dir }).then(() => true, () => false)
  if (!force && old !== none && !(await isAncestor(dir, old, commit))) {
    throw new CodedError({ code: 'PushRejected', message: `${ref} has commits that ${commit.slice(0, 7)} does not contain`, where: remote.url, remedy: 'Fetch and merge them first' })
  }
  const bases: string[] = []
  for (const id of new Set(refs.values())) if (await has(id)) bases.push(id)
  const pack = await runGit(['pack-objects', '--revs', '--stdout', '--thin', '--delta-base-offset', '--quiet'], { dir, stdin: `${commit}\n${bases.map((id) => `^${id}\n`).join('')}` })
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

async function isAncestor(dir: string, old: string, commit: string): Promise<boolean> {
  return runGit(['merge-base', '--is-ancestor', old, commit], { dir }).then(() => true, () => false)
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
