import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { CodedError } from '@idp/kit'
import { spawnGit } from './git-command.ts'
import type { GitObject } from './object-store.ts'

interface Pending { resolve(object: GitObject | undefined): void; reject(error: unknown): void }

/** Reads objects through one kept `git cat-file --batch` process, in the order asked. */
export class ObjectReader implements AsyncDisposable {
  readonly #dir: string
  #child: ChildProcessWithoutNullStreams | undefined
  #waiting: Pending[] = []
  #chunks: Buffer[] = []
  #length = 0
  #header: { id: string; type: GitObject['type']; size: number } | undefined

  /** @param dir the bare repository, or `.git` */
  constructor(dir: string) {
    this.#dir = dir
  }

  /** @param name an object id or any revision expression without line breaks; undefined when there is no such object. */
  read(name: string): Promise<GitObject | undefined> {
    if (/[\r\n]/.test(name) || name === '') return Promise.resolve(undefined)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#start().stdin.write(`${name}\n`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
    child.stdin.end()
    await closed
  }

  #start(): ChildProcessWithoutNullStreams {
    if (this.#child !== undefined) return this.#child
    const child = spawnGit([`--git-dir=${this.#dir}`, 'cat-file', '--batch'])
    this.#child = child
    this.#chunks = []
    this.#length = 0
    this.#header = undefined
    let said = ''
    const stop = (error: Error | undefined): void => {
      if (this.#child !== child) return
      this.#child = undefined
      const waiting = this.#waiting.splice(0)
      for (const one of waiting) one.reject(new CodedError({ code: 'GitFailed', message: `git cat-file ended: ${error?.message ?? (said.trim() || 'no reason given')}`, where: this.#dir }))
    }
    child.stdout.on('data', (chunk: Buffer) => this.#accept(chunk))
    child.stderr.on('data', (chunk: Buffer) => { said = (said + chunk.toString()).slice(-2000) })
    child.stdin.on('error', () => undefined)
    child.on('error', stop).on('close', () => stop(undefined))
    // An idle reader does not keep the process of the product alive.
    child.unref()
    for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as unknown as { unref?(): void }).unref?.()
    return child
  }

  #accept(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    for (;;) {
      if (this.#header === undefined && !this.#readHeader()) return
      const header = this.#header
      if (header === undefined) continue
      if (this.#length < header.size + 1) return
      const all = this.#joined()
      const content = all.subarray(0, header.size)
      this.#keep(all.subarray(header.size + 1))
      this.#header = undefined
      this.#waiting.shift()?.resolve({ id: header.id, type: header.type, content })
    }
  }

  /** False when more bytes are needed. A missing object is answered here and leaves no header. */
  #readHeader(): boolean {
    if (this.#length === 0) return false
    const all = this.#joined()
    const end = all.indexOf(10)
    if (end < 0) return false
    const [id = '', type = '', size = ''] = all.subarray(0, end).toString('latin1').split(' ')
    this.#keep(all.subarray(end + 1))
    if (/^\d+$/.test(size)) this.#header = { id, type: type as GitObject['type'], size: Number(size) }
    else this.#waiting.shift()?.resolve(undefined)
    return true
  }

  #joined(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0] as Buffer // one element after the line above
  }

  #keep(rest: Buffer): void {
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#length = rest.length
  }
}
