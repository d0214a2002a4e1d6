import type { Socket } from 'node:net'

/** A write under way (libuv's `uv_write_t`). What it reads from must be kept alive until it completes. */
export interface NativeWrite { oncomplete: (status: number) => void; wire?: unknown; memory?: unknown }

/** What Node's sockets, plain or TLS, are made of. */
export interface NativeHandle {
  /** Called for bytes, the end and errors; how much was read stands in the shared state. May return other memory for the next read. */
  onread: (this: NativeHandle) => Uint8Array | undefined
  readStart(): number
  readStop(): number
  useUserBuffer(buffer: Uint8Array): number
  writeBuffer(request: NativeWrite, bytes: Uint8Array): number
  writeLatin1String(request: NativeWrite, text: string): number
  wire?: unknown
}

/**
 * Node's sockets below its streams: one call for a read, one for a write, no buffer and no object for either. Proxying costs half
 * the processor time this way. It is Node's own inner interface, so everything is looked for first and streams are used where it differs.
 */
export interface NativeStreams {
  readonly newWrite: () => NativeWrite
  /** Bytes of the last read, or a negative error number. */
  lastRead(): number
  /** The last write has not been taken completely by the kernel. */
  lastWasAsync(): boolean
  handleOf(socket: Socket): NativeHandle | undefined
}

let found: NativeStreams | undefined | 'unknown' = 'unknown'

/** Undefined where this Node has no such interface. */
export function nativeStreams(): NativeStreams | undefined {
  if (found === 'unknown') found = look()
  return found
}

function look(): NativeStreams | undefined {
  const { binding } = process as unknown as { binding?: (name: string) => Record<string, unknown> }
  if (typeof binding !== 'function') return undefined
  let streams: Record<string, unknown>
  try {
    streams = binding('stream_wrap')
  } catch {
    return undefined // no such binding in this Node
  }
  const { streamBaseState: state, kReadBytesOrError: read, kLastWriteWasAsync: async, WriteWrap: Write } = streams
  if (!ArrayBuffer.isView(state) || typeof read !== 'number' || typeof async !== 'number' || typeof Write !== 'function') return undefined
  const numbers = state as Int32Array
  const WriteWrap = Write as new () => NativeWrite
  return {
    newWrite: () => new WriteWrap(),
    lastRead: () => numbers[read] as number, // an index of the state
    lastWasAsync: () => numbers[async] !== 0,
    handleOf(socket) {
      const handle = (socket as unknown as { _handle?: Partial<NativeHandle> | null })._handle
      if (handle === undefined || handle === null) return undefined
      const { readStart, readStop, useUserBuffer, writeBuffer, writeLatin1String } = handle
      return [readStart, readStop, useUserBuffer, writeBuffer, writeLatin1String].every((method) => typeof method === 'function') ? handle as NativeHandle : undefined
    },
  }
}
