import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { CodedError, messageOf } from '@idp/kit'

/** A file that only grows. The store writes through this alone, so that tests can make a disk fail. */
export interface DiskFile {
  /** Appends all of `bytes` at `offset`, or throws with the system's error code. */
  write(bytes: Uint8Array, offset: number): Promise<void>
  /** Waits until what was written is on the disk. */
  sync(): Promise<void>
  /** True: `write` returns when the bytes are on the disk, so that `sync` has nothing to wait for. */
  readonly writesThrough?: boolean
  truncate(length: number): Promise<void>
  close(): Promise<void>
}

export interface Disk {
  /**
   * Opens a file for writing with mode 0600; it must not exist with `create`. `throughout` asks for writes that are durable when they
   * return, for a file in which each is waited for; not every disk has them.
   */
  open(path: string, how: 'create' | 'existing', throughout?: 'durable'): Promise<DiskFile>
  /** Makes creations, renames and removals in a directory durable. */
  syncDirectory(path: string): Promise<void>
}

/** The machine's disk. All waiting happens outside the event loop. */
export const systemDisk: Disk = {
  async open(path, how, throughout) {
    // One call in place of a write and a sync. On other systems the flag promises less than a sync does.
    const through = throughout === 'durable' && process.platform === 'linux'
    const flags = how === 'create' ? constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL : constants.O_RDWR
    return diskFile(await open(path, flags | (through ? constants.O_DSYNC : 0), 0o600), through)
  },
  async syncDirectory(path) {
    if (process.platform === 'win32') return // directories cannot be opened there
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

function diskFile(handle: FileHandle, writesThrough: boolean): DiskFile {
  return {
    writesThrough,
    async write(bytes, offset) {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done)
        done += bytesWritten
      }
    },
    sync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    close: () => handle.close(),
  }
}

/** The coded form of a failed write: `StorageFull` when there is no room, `StorageFailed` otherwise. */
export function diskError(error: unknown, file: string): CodedError {
  const system = error instanceof Error && 'code' in error ? String(error.code) : ''
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(system)
  return full
    ? new CodedError({ code: 'StorageFull', message: `no room to write ${file} (${system}); nothing that was acknowledged is lost and reads go on`, where: file, remedy: 'free space on that file system; writes work again by themselves', cause: error })
    : new CodedError({ code: 'StorageFailed', message: `the disk refused to write ${file}: ${messageOf(error)}`, where: file, remedy: 'check the disk, then start again', cause: error })
}
