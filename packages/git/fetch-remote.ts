import { CodedError } from '@idp/kit'
import { runGit } from './git-command.ts'
import { openObjectStore } from './object-store.ts'
import { delimiterPacket, flushPacket, packet, packetText, readPackets } from './pkt-line.ts'
import type { Repository } from './repository.ts'
import { writeRef } from './refs.ts'
import { bodyChunks, smartRequest, type Remote } from './smart-http.ts'
import { storePack } from './store-pack.ts'

export interface RemoteRef {
  readonly name: string
  readonly id: string
  /** For an annotated tag: the commit behind it. */
  readonly peeled?: string
}

export interface RemoteRefs {
  /** Full name of the branch that HEAD names, e.g. `refs/heads/main`. */
  readonly head: string | undefined
  readonly refs: readonly RemoteRef[]
}

const uploadPack = { path: 'git-upload-pack', contentType: 'application/x-git-upload-pack-request', protocol: 'version=2' } as const

/** Asks a server for its branches and tags (protocol version 2, gitprotocol-v2). One request. */
export async function listRemoteRefs(remote: Remote): Promise<RemoteRefs> {
  const body = packet('command=ls-refs\n') + packet('object-format=sha1\n') + delimiterPacket
    + packet('peel\n') + packet('symrefs\n') + packet('ref-prefix HEAD\n') + packet('ref-prefix refs/heads/\n') + packet('ref-prefix refs/tags/\n') + flushPacket
  const response = await smartRequest(remote, { ...uploadPack, body })
  let head: string | undefined
  const refs: RemoteRef[] = []
  for await (const one of readPackets(bodyChunks(response))) {
    if (one.type !== 'data') break
    const line = packetText(one.data)
    if (line.startsWith('ERR ')) throw new CodedError({ code: 'GitServerFailed', message: `the Git server says: ${line.slice(4)}`, where: remote.url })
    const [id = '', name = '', ...attributes] = line.split(' ')
    const peeled = attributes.find((a) => a.startsWith('peeled:'))?.slice(7)
    if (name === 'HEAD') head = attributes.find((a) => a.startsWith('symref-target:'))?.slice(14)
    refs.push({ name, id, ...(peeled === undefined ? {} : { peeled }) })
  }
  return { head, refs }
}

/**
 * Brings commits with all they refer to into `repository`, sending only what it lacks, and notes each under `refs/fetched/`.
 * Does nothing when they are there. Throws CodedErrors of `smartRequest`, and `RevisionNotFound` when the server lacks one.
 */
export async function fetchCommits(remote: Remote, repository: Repository, commits: readonly string[]): Promise<void> {
  const wanted: string[] = []
  for (const id of commits) if (!(await repository.has(id))) wanted.push(id)
  if (wanted.length === 0) return
  const known = [...new Set((await repository.refs()).map((ref) => ref.id))].slice(0, 256)
  const body = packet('command=fetch\n') + packet('object-format=sha1\n') + delimiterPacket
    + packet('thin-pack\n') + packet('ofs-delta\n') + packet('no-progress\n')
    + wanted.map((id) => packet(`want ${id}\n`)).join('') + known.map((id) => packet(`have ${id}\n`)).join('')
    + packet('done\n') + flushPacket
  const response = await smartRequest(remote, { ...uploadPack, body })
  const data = packData(response, remote)
  const { pack, rest } = await smallPack(data)
  if (rest === undefined) {
    const store = openObjectStore(repository.dir)
    await storePack(repository.dir, pack, { store, durable: false }).finally(() => store.close())
  } else await runGit(['index-pack', '--stdin', '--fix-thin', '--max-input-size=2147483648'], { dir: repository.dir, stdin: chain(pack, rest) })
  for (const id of wanted) {
    if (!(await repository.has(id))) throw new CodedError({ code: 'RevisionNotFound', message: `the Git server sent a pack without ${id}`, where: remote.url })
    await writeRef(repository.dir, `refs/fetched/${id}`, id, { durable: false })
  }
}

/** Packs up to this are read in this process; what is larger is git's. */
const smallLimit = 32 * 2 ** 20

async function smallPack(data: AsyncGenerator<Uint8Array>): Promise<{ pack: Buffer; rest: AsyncGenerator<Uint8Array> | undefined }> {
  const chunks: Uint8Array[] = []
  let length = 0
  for (let next = await data.next(); next.done !== true; next = await data.next()) {
    chunks.push(next.value)
    length += next.value.length
    if (length > smallLimit) return { pack: Buffer.concat(chunks), rest: data }
  }
  return { pack: Buffer.concat(chunks), rest: undefined }
}

async function* chain(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  yield* rest
}

async function* packData(response: Response, remote: Remote): AsyncGenerator<Uint8Array> {
  let inPack = false
  for await (const one of readPackets(bodyChunks(response))) {
    if (one.type !== 'data') continue
    if (!inPack) {
      const line = packetText(one.data)
      if (line.startsWith('ERR ')) throw serverSays(line.slice(4), remote)
      inPack = line === 'packfile'
      continue
    }
    const band = one.data[0]
    if (band === 1) yield one.data.subarray(1)
    else if (band === 3) throw serverSays(packetText(one.data.subarray(1)), remote)
  }
  if (!inPack) throw new CodedError({ code: 'GitProtocol', message: 'the Git server sent no pack', where: remote.url })
}

function serverSays(text: string, remote: Remote): CodedError {
  const missing = /not our ref|missing|bad object/i.test(text)
  return new CodedError({ code: missing ? 'RevisionNotFound' : 'GitServerFailed', message: `the Git server says: ${text}`, where: remote.url })
}

/**
 * The commit that a revision names on a server: `HEAD` (or empty), a branch, a tag, a full ref, or a complete commit id.
 * A branch wins over a tag of the same name. Undefined when none matches.
 */
export function resolveRemoteRevision({ head, refs }: RemoteRefs, revision: string): string | undefined {
  const of = (name: string | undefined): string | undefined => {
    const ref = refs.find((one) => one.name === name)
    return ref?.peeled ?? ref?.id
  }
  if (revision === '' || revision === 'HEAD') return of('HEAD') ?? of(head)
  const named = of(`refs/heads/${revision}`) ?? of(`refs/tags/${revision}`) ?? (revision.startsWith('refs/') ? of(revision) : undefined)
  return named ?? (/^[0-9a-f]{40}$/.test(revision) ? revision : undefined)
}
