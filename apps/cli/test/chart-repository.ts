import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { parseYaml } from '@idp/formats'
import { directoryFiles } from '@idp/platform'
import type { FileTree } from '@idp/kit'
import { chartEntries } from '../chart-entries.ts'

export interface ChartRepository extends AsyncDisposable {
  readonly url: string
  /** Paths that were asked for. */
  readonly asked: string[]
  /** What is served, by path; tests change it. */
  readonly files: Map<string, Uint8Array>
}

/** An HTTP chart repository on this machine that holds every stand-in chart, packaged, with an index of digests. */
export async function startChartRepository(): Promise<ChartRepository> {
  const files = new Map<string, Uint8Array>()
  const entries: Record<string, { version: string; urls: string[]; digest: string }[]> = {}
  for (const { name, directory } of chartEntries()) {
    if (entries[name] !== undefined) continue
    const tree = directoryFiles(directory instanceof URL ? directory.pathname : directory)
    const { version } = parseYaml(Buffer.from(await tree.read('Chart.yaml') ?? []).toString(), { source: 'Chart.yaml' }) as { version: string }
    const archive = gzipSync(await tarOf(tree, name), { level: 1 })
    files.set(`/${name}-${version}.tgz`, archive)
    entries[name] = [{ version, urls: [`${name}-${version}.tgz`], digest: createHash('sha256').update(archive).digest('hex') }]
  }
  files.set('/index.yaml', Buffer.from(JSON.stringify({ apiVersion: 'v1', entries })))
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const body = files.get(request.url ?? '')
    response.writeHead(body === undefined ? 404 : 200).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, files,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The files of a tree as a tar (POSIX ustar) below one top folder. */
async function tarOf(tree: FileTree, top: string): Promise<Buffer> {
  const blocks: Buffer[] = []
  const walk = async (folder: string): Promise<void> => {
    for (const { name, directory } of await tree.list(folder) ?? []) {
      const path = folder === '' ? name : `${folder}/${name}`
      if (directory) await walk(path)
      else blocks.push(...fileBlocks(`${top}/${path}`, Buffer.from(await tree.read(path) ?? [])))
    }
  }
  await walk('')
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

function fileBlocks(path: string, content: Buffer): Buffer[] {
  const header = Buffer.alloc(512)
  header.write(path, 0, 100)
  header.write('0000644\0', 100)
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  // Eight spaces in place of the sum while it is taken, then the type: a regular file.
  header.write(`${' '.repeat(8)}0`, 148)
  header.write('ustar\u000000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return [header, content, Buffer.alloc((512 - content.length % 512) % 512)]
}
