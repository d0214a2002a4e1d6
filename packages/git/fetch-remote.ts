import { CodedError } from '@idp/kit'
import { runGit } from './git-command.ts'
import { delimiterPacket, flushPacket, packet, packetText, readPackets } from './pkt-line.ts'
import type { Repository } from './repository.ts'
import { bodyChunks, smartRequest, type Remote } from './smart-http.ts'

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
  await runGit(['index-pack', '--stdin', '--fix-thin', '--max-input-size=2147483648'], { dir: repository.dir, stdin: packData(response, remote) })
  const updates = wanted.map((id) => `update refs/fetched/${id} ${id}\n`).join('')
  await runGit(['update-ref', '--stdin'], { dir: repository.dir, stdin: updates })
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
