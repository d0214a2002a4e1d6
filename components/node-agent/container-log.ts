import { mkdir, open, readFile, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '@idp/kit'

/** The log of one run of a container: lines in the CRI format (`time stream tag text`) in a file that collectors can tail. */
export interface ContainerLog extends AsyncDisposable {
  readonly file: string
  /** Bytes of the file once everything written so far is in it. */
  readonly position: number
  write(stream: 'stdout' | 'stderr', line: string): void
  /** Resolves when everything written so far is in the file. */
  flush(): Promise<void>
  /** Calls `line` for each line (CRI format, no newline) from now on; `ended` when the container has ended. */
  follow(line: (text: string) => void, ended: () => void): Disposable
}

/** As kubelet: a file is rotated at 10 MiB; 5 files are kept. */
const rotateAt = 10 * 1024 * 1024
const longestLine = 16 * 1024

export function openContainerLog(file: string, clock: Clock): ContainerLog {
  let pending: string[] = []
  let writing: Promise<void> | undefined
  let handle: FileHandle | undefined
  let size = 0
  let position = 0
  let closed = false
  const followers = new Set<{ line(text: string): void; ended(): void }>()

  const opened = async (): Promise<FileHandle> => {
    if (handle !== undefined) return handle
    await mkdir(dirname(file), { recursive: true })
    handle = await open(file, 'a', 0o640)
    size = (await handle.stat()).size
    return handle
  }
  const drain = async () => {
    while (pending.length > 0) {
      const target = await opened()
      const text = `${pending.join('\n')}\n`
      pending = []
      await target.write(text)
      size += Buffer.byteLength(text)
      if (size > rotateAt) {
        await target.close()
        handle = undefined
        position -= size
        await rotate(file, clock)
      }
    }
  }
  const flush = () => (writing ??= drain().finally(() => { writing = undefined }))
  const emit = (text: string) => {
    pending.push(text)
    position += Buffer.byteLength(text) + 1
    for (const follower of followers) follower.line(text)
  }
  // As a runtime does: the file is there from the start, so that a collector finds what the link to it promises.
  writing = opened().then(drain).finally(() => { writing = undefined })
  writing.catch(() => {}) // The first line tries again.
  return {
    file,
    get position() { return position },
    write(stream, line) {
      if (closed) return
      const time = `${new Date(clock.now()).toISOString().slice(0, -1)}000000Z`
      for (const text of line.split('\n')) {
        let rest = text
        for (; rest.length > longestLine; rest = rest.slice(longestLine)) emit(`${time} ${stream} P ${rest.slice(0, longestLine)}`)
        emit(`${time} ${stream} F ${rest}`)
      }
      // A disk that refuses must not end the container; the next line tries again.
      flush().catch(() => {})
    },
    async flush() {
      while (pending.length > 0 || writing !== undefined) await flush()
    },
    follow(line, ended) {
      const follower = { line, ended }
      if (closed) {
        ended()
        return { [Symbol.dispose]() {} }
      }
      followers.add(follower)
      return { [Symbol.dispose]: () => void followers.delete(follower) }
    },
    async [Symbol.asyncDispose]() {
      if (closed) return
      closed = true
      for (const follower of followers) follower.ended()
      followers.clear()
      while (pending.length > 0 || writing !== undefined) await flush().catch(() => { pending = [] })
      await handle?.close()
      handle = undefined
    },
  }
}

const keptFiles = 4

async function rotate(file: string, clock: Clock): Promise<void> {
  const stamp = new Date(clock.now()).toISOString().replaceAll(/[-:TZ]/g, '').slice(0, 14)
  await rename(file, `${file}.${stamp}`)
  const { readdir } = await import('node:fs/promises')
  const name = file.slice(file.lastIndexOf('/') + 1)
  const old = (await readdir(dirname(file))).filter((f) => f.startsWith(`${name}.`)).sort()
  for (const stale of old.slice(0, Math.max(0, old.length - keptFiles))) await rm(`${dirname(file)}/${stale}`)
}

export interface LogQuery {
  readonly follow?: boolean
  readonly tailLines?: number
  readonly sinceSeconds?: number
  /** RFC 3339. */
  readonly sinceTime?: string
  readonly timestamps?: boolean
  readonly limitBytes?: number
  readonly stream?: 'All' | 'Stdout' | 'Stderr'
}

/** What `kubectl logs` prints: the lines of a log file, and with `follow` those of a running container as they come. */
export function readLog(log: { readonly file: string; readonly live?: ContainerLog | undefined }, query: LogQuery, clock: Clock): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const since = query.sinceTime !== undefined ? Date.parse(query.sinceTime) : query.sinceSeconds !== undefined ? clock.now() - query.sinceSeconds * 1_000 : undefined
  let following: Disposable | undefined
  let left = query.limitBytes ?? Infinity
  const format = (text: string): string => {
    const [time = '', stream = '', tag = ''] = text.split(' ', 3)
    if (since !== undefined && Date.parse(time) < since) return ''
    if (query.stream !== undefined && query.stream !== 'All' && stream !== query.stream.toLowerCase()) return ''
    return `${query.timestamps === true ? `${time} ` : ''}${text.slice(time.length + stream.length + tag.length + 3)}${tag === 'P' ? '' : '\n'}`
  }
  return new ReadableStream<Uint8Array>({
    async start(controller) {
      const queued: string[] = []
      let live = false
      let over = query.follow !== true || log.live === undefined
      const send = (text: string) => {
        if (left <= 0 || text === '') return
        const bytes = encoder.encode(text)
        controller.enqueue(bytes.length > left ? bytes.subarray(0, left) : bytes)
        left -= bytes.length
      }
      if (query.follow === true && log.live !== undefined) {
        following = log.live.follow(
          (text) => (live ? send(format(text)) : queued.push(format(text))),
          () => {
            over = true
            if (live) controller.close()
          },
        )
      }
      const position = log.live?.position
      await log.live?.flush()
      // Lines after the subscription come through it; those before are in the file up to here.
      const bytes = await readFile(log.file).catch(() => Buffer.alloc(0))
      const content = bytes.toString('utf8', 0, following === undefined ? undefined : position)
      const lines = content.split('\n').filter((l) => l !== '').map(format).filter((l) => l !== '')
      send((query.tailLines === undefined ? lines : query.tailLines === 0 ? [] : lines.slice(-query.tailLines)).join(''))
      for (const text of queued) send(text)
      live = true
      if (over || left <= 0) {
        following?.[Symbol.dispose]()
        controller.close()
      }
    },
    cancel: () => following?.[Symbol.dispose](),
  })
}
