import { packOf, selectObjects } from './make-pack.ts'
import { openObjectStore, type ObjectStore } from './object-store.ts'
import { delimiterPacket, flushPacket, packet, splitPackets } from './pkt-line.ts'
import { readHead, readRefs, type Ref } from './refs.ts'

/** What a client that speaks protocol version 2 may ask (gitprotocol-v2). */
export function advertiseUploadPack(): Buffer {
  return Buffer.from(packet('# service=git-upload-pack\n') + flushPacket + packet('version 2\n') + packet('agent=git/2.39.0-idp\n') + packet('ls-refs\n') + packet('fetch=shallow\n') + packet('object-format=sha1\n') + flushPacket)
}

/** The answer to one command of protocol version 2; undefined for what git itself must answer. */
export async function serveUploadPack(dir: string, body: Buffer): Promise<Buffer | undefined> {
  const lines = splitPackets(body)
  if (lines === undefined) return undefined
  const delimiter = lines.indexOf(delimiterPacket)
  const words = lines.slice(delimiter < 0 ? lines.length : delimiter + 1).filter((line) => line !== flushPacket)
  if (lines.some((line) => line.startsWith('object-format=') && line !== 'object-format=sha1')) return undefined
  const store = openObjectStore(dir)
  try {
    if (lines[0] === 'command=ls-refs') return await listRefs(dir, words, store)
    return lines[0] === 'command=fetch' ? await fetchPack(dir, words, store) : undefined
  } finally {
    await store.close()
  }
}

async function listRefs(dir: string, words: readonly string[], store: ObjectStore): Promise<Buffer> {
  const prefixes = words.filter((word) => word.startsWith('ref-prefix ')).map((word) => word.slice(11))
  const isAsked = (name: string): boolean => prefixes.length === 0 || prefixes.some((prefix) => name.startsWith(prefix))
  const refs = await readRefs(dir)
  const head = await readHead(dir)
  const headId = refs.find(({ name }) => name === head)?.id
  const lines: string[] = []
  if (headId !== undefined && isAsked('HEAD')) lines.push(`${headId} HEAD${words.includes('symrefs') ? ` symref-target:${head}` : ''}`)
  for (const { name, id } of refs) {
    if (!isAsked(name)) continue
    const peeled = words.includes('peel') && name.startsWith('refs/tags/') ? await peeledOf(store, id) : undefined
    lines.push(`${id} ${name}${peeled === undefined ? '' : ` peeled:${peeled}`}`)
  }
  return Buffer.from(lines.map((line) => packet(`${line}\n`)).join('') + flushPacket)
}

/** What an annotated tag was put on; undefined for what is no tag object. */
async function peeledOf(store: ObjectStore, id: string): Promise<string | undefined> {
  let last: string | undefined
  for (let object = await store.read(id); object?.type === 'tag'; object = await store.read(last ?? '')) {
    last = /^object ([0-9a-f]{40})$/m.exec(object.content.toString('latin1'))?.[1]
    if (last === undefined) return undefined
  }
  return last
}

const ownWords = new Set(['done', 'thin-pack', 'no-progress', 'ofs-delta', 'include-tag'])
/** Larger selections are git's: it packs them in another process. */
const objectLimit = 20_000

async function fetchPack(dir: string, words: readonly string[], store: ObjectStore): Promise<Buffer | undefined> {
  const of = (kind: string): string[] => words.filter((word) => word.startsWith(`${kind} `)).map((word) => word.slice(kind.length + 1))
  const [wants, haves] = [of('want'), of('have')]
  const isPlain = words.every((word) => ownWords.has(word) || /^(want|have) [0-9a-f]{40}$/.test(word))
  if (!isPlain || wants.length === 0 || !words.includes('done')) return undefined
  if (words.includes('include-tag') && (await readRefs(dir)).some(({ name }: Ref) => name.startsWith('refs/tags/'))) return undefined
  for (const id of wants) if (!(await store.has(id))) return Buffer.from(packet(`ERR upload-pack: not our ref ${id}`))
  const ids = await selectObjects(store, { wants, haves, limit: objectLimit })
  return ids === undefined ? undefined : sideBand(await packOf(store, ids))
}

/** The section `packfile`: the pack in pieces of band 1. */
function sideBand(pack: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from(packet('packfile\n'))]
  const most = 65_515
  for (let at = 0; at < pack.length; at += most) {
    const piece = pack.subarray(at, at + most)
    parts.push(Buffer.from(`${(piece.length + 5).toString(16).padStart(4, '0')}\u0001`, 'latin1'), piece)
  }
  parts.push(Buffer.from(flushPacket))
  return Buffer.concat(parts)
}
