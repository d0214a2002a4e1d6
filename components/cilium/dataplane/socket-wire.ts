import type { Socket } from 'node:net'
import type { NativeHandle, NativeStreams, NativeWrite } from './native-streams.ts'
import type { Wire, WireReader } from './wire.ts'

/** What one read takes. Connections read into the same memory, but those whose large bodies the kernel may keep have their own. */
const READ_SIZE = 131_072
/** Room before what is read: the head that goes out is put right before the body that came in, and both leave from there. */
const HEADROOM = 4096
/** Pieces from this size on are worth sending without a copy. */
const LARGE = 16_384
const MAX_OWN = 256
/** What one write takes: a read, and the head before it. */
const SCRATCH_SIZE = READ_SIZE + 65_536
/** Bytes that wait in user space before the sender is asked to stop. */
const HIGH_WATER = 262_144

const shared = memoryForReads()
/** What a write is put together in. Given away when the kernel does not take it at once; a few come back. */
let scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH_SIZE)
const spare: Buffer[] = []
const spareReads: Buffer[] = []
let own = 0
/** The memory that is being read from, until it is lent to a write. */
let reading: Buffer | undefined
/** What was read into the shared memory would have been sent from there, had it been the connection's own. */
let worthOwn = false
let corkedWire: SocketWire | undefined
let filled = 0

/** A wire over a socket's handle (see `nativeStreams`). TCP takes writes at once or queues them; TLS takes one at a time. */
export class SocketWire implements Wire {
  reader: WireReader
  paused = false
  destroyed = false
  readonly #socket: Socket
  readonly #handle: NativeHandle
  readonly native: NativeStreams
  readonly #oneAtATime: boolean
  #request: NativeWrite
  /** Writes that the kernel has not taken completely. */
  #pending = 0
  #pendingBytes = 0
  #waiting: Buffer[] = []
  #congested = false
  #ending = false
  #over = false
  #memory: Buffer = shared
  #ended = false
  #finished = false

  constructor(socket: Socket, handle: NativeHandle, native: NativeStreams, reader: WireReader) {
    this.#socket = socket
    this.#handle = handle
    this.native = native
    this.reader = reader
    this.#oneAtATime = 'encrypted' in socket
    this.#request = native.newWrite()
    socket.allowHalfOpen = true // one side may say that it is done before it has its answer
    socket.on('error', () => this.destroy()) // resets are part of life; the close tells the reader
    socket.once('close', () => this.#close())
    socket.once('finish', () => this.#finish())
    handle.wire = this
    handle.useUserBuffer(shared)
    handle.onread = onRead
    handle.readStart()
  }

  /** Called for each read with what it brought; returns where the next one goes. */
  read(count: number): Buffer | undefined {
    if (count > 0) return this.#read(count)
    if (count === EOF) this.#end()
    else if (count < 0) this.destroy()
    return undefined
  }

  #read(count: number): Buffer | undefined {
    const memory = this.#memory
    reading = memory
    worthOwn = false
    this.reader.bytes(memory, count)
    const lent = reading === undefined
    reading = undefined
    if (memory === shared) {
      if (!worthOwn || own >= MAX_OWN || this.destroyed) return undefined
      own++
      return (this.#memory = spareReads.pop() ?? memoryForReads())
    }
    if (lent) return (this.#memory = spareReads.pop() ?? memoryForReads())
    if (count >= LARGE) return undefined
    this.#giveBack()
    return shared
  }

  #giveBack(): void {
    if (this.#memory === shared) return
    own--
    keep(spareReads, this.#memory)
    this.#memory = shared
  }

  #end(): void {
    this.#ended = true
    this.reader.ended()
    if (this.#finished) this.destroy()
  }

  #finish(): void {
    this.#finished = true
    if (this.#ended) this.destroy()
  }

  #close(): void {
    this.destroyed = true
    if (corkedWire === this) corkedWire = undefined
    if (this.#over) return
    this.#over = true
    this.#waiting = []
    this.#giveBack()
    this.reader.closed()
  }

  sendText(text: string): boolean {
    if (this.destroyed) return true
    if (corkedWire === this) {
      if (filled + text.length > SCRATCH_SIZE) this.#flush()
      if (text.length <= SCRATCH_SIZE) {
        filled += scratch.write(text, filled, 'latin1')
        return true
      }
    }
    if (this.#oneAtATime && this.#pending > 0) return this.#wait(Buffer.from(text, 'latin1'))
    return this.#sent(this.#handle.writeLatin1String(this.#request, text), text.length, undefined)
  }

  sendBytes(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.destroyed || start === end) return true
    const size = end - start
    if (size >= LARGE && bytes === reading && this.#mayStay(start)) return this.#sendInPlace(bytes, start, end)
    if (size > SCRATCH_SIZE || (corkedWire !== undefined && corkedWire !== this)) {
      if (corkedWire === this) this.#flush()
      return this.#sendOwn(Buffer.from(bytes.subarray(start, end)))
    }
    if (corkedWire === undefined) filled = 0
    else if (filled + size > SCRATCH_SIZE) this.#flush()
    scratch.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), filled)
    filled += size
    return corkedWire === this || this.#flush()
  }

  cork(): boolean {
    if (corkedWire !== undefined || this.destroyed) return false
    takeScratch(this)
    return true
  }

  uncork(): boolean {
    if (corkedWire !== this) return !this.#congested
    const open = this.#flush()
    corkedWire = undefined
    return open
  }

  /** Sends what stands in the scratch. */
  #flush(): boolean {
    if (filled === 0 || this.destroyed) return !this.#congested
    const bytes = scratch.subarray(0, filled)
    filled = 0
    if (!this.#oneAtATime) return this.#sent(this.#handle.writeBuffer(this.#request, bytes), bytes.length, scratch)
    return this.#sendOwn(this.#pending > 0 ? Buffer.from(bytes) : bytes) // TLS has encrypted or copied it when the call returns
  }

  /** Whether what is being read can be sent from where it is. TLS has encrypted it when the call returns; TCP may keep it, which the shared memory cannot wait for. */
  #mayStay(start: number): boolean {
    if (corkedWire !== undefined && corkedWire !== this) return false
    if (corkedWire === this && filled > start + HEADROOM) return false
    if (this.#oneAtATime) return this.#pending === 0
    if (reading !== shared) return true
    worthOwn = true
    return false
  }

  /** Sends bytes from where they were read, with what stands in the scratch put before them. If the kernel does not take all, that memory is away until it has. */
  #sendInPlace(bytes: Uint8Array, start: number, end: number): boolean {
    const head = corkedWire === this ? filled : 0
    const whole = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + start - head, head + end - start) // never a shared buffer
    if (head > 0) {
      scratch.copy(whole, 0, 0, head)
      filled = 0
    }
    const request = this.#request
    const open = this.#sent(this.#handle.writeBuffer(request, whole), whole.length, reading)
    if (request !== this.#request && !this.#oneAtATime) reading = undefined
    return open
  }

  #sendOwn(bytes: Buffer): boolean {
    if (this.#oneAtATime && this.#pending > 0) return this.#wait(bytes)
    return this.#sent(this.#handle.writeBuffer(this.#request, bytes), bytes.length, bytes)
  }

  #wait(bytes: Buffer): boolean {
    this.#waiting.push(bytes)
    return this.#count(bytes.length)
  }

  /** @param memory what the kernel may still read from */
  #sent(error: number, size: number, memory: Buffer | undefined): boolean {
    if (error !== 0) {
      this.destroy()
      return true
    }
    if (!this.native.lastWasAsync()) return !this.#congested
    const request = this.#request
    this.#request = this.native.newWrite()
    request.oncomplete = onWritten
    request.wire = this
    request.memory = this.#oneAtATime ? undefined : memory
    if (memory === scratch && !this.#oneAtATime) scratch = spare.pop() ?? Buffer.allocUnsafeSlow(SCRATCH_SIZE)
    this.#pending++
    if (this.#oneAtATime) return this.#count(size)
    this.#congested = true
    return false
  }

  /** Bytes more in user space. Once congested, only `drained` ends it. */
  #count(size: number): boolean {
    this.#pendingBytes += size
    if (this.#pendingBytes > HIGH_WATER) this.#congested = true
    return !this.#congested
  }

  /** A write has been completed. */
  written(status: number): void {
    this.#pending--
    if (status < 0) return this.destroy()
    if (this.#pending > 0 || this.destroyed) return
    this.#pendingBytes = 0
    const waiting = this.#waiting
    if (waiting.length > 0) {
      this.#waiting = []
      this.#sendOwn(waiting.length === 1 ? waiting[0] as Buffer : Buffer.concat(waiting))
      if (this.#pendingBytes > HIGH_WATER || this.destroyed) return
    }
    if (this.#congested) {
      this.#congested = false
      this.reader.drained()
    }
    if (this.#ending && this.#pending === 0) this.#socket.end()
  }

  pause(): void {
    if (this.paused || this.destroyed) return
    this.paused = true
    this.#handle.readStop()
  }

  resume(): void {
    if (!this.paused || this.destroyed) return
    this.paused = false
    this.#handle.readStart()
  }

  end(): void {
    if (this.destroyed || this.#ending) return
    this.uncork()
    this.#ending = true
    if (this.#pending === 0) this.#socket.end()
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    if (corkedWire === this) corkedWire = undefined
    this.#socket.destroy()
  }
}

function memoryForReads(): Buffer {
  return Buffer.allocUnsafeSlow(HEADROOM + READ_SIZE).subarray(HEADROOM)
}

/** libuv's number for the end of a stream. */
const EOF = -4095

function onRead(this: NativeHandle): Uint8Array | undefined {
  const wire = this.wire as SocketWire // set with this function
  return wire.read(wire.native.lastRead())
}

function onWritten(this: NativeWrite, status: number): void {
  const wire = this.wire as SocketWire // set with this function
  const { memory } = this
  if (Buffer.isBuffer(memory)) keep(memory.length === READ_SIZE ? spareReads : spare, memory)
  wire.written(status)
}

function takeScratch(wire: SocketWire): void {
  corkedWire = wire
  filled = 0
}

/** Keeps memory for later, if it is of the standard size and there is not enough of it. */
function keep(list: Buffer[], memory: Buffer): void {
  if (list.length < 32 && memory.length === (list === spare ? SCRATCH_SIZE : READ_SIZE)) list.push(memory)
}
