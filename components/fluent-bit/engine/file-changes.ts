import { watch, type FSWatcher } from 'node:fs'
import { join } from 'node:path'

/** Which files of one directory may have changed, told by the system (inotify), so that nobody needs to look at each of them all the time. */
export interface FileChanges extends Disposable {
  /** The names that may have changed since the last call; `all` when the directory itself has, or when nothing can be told. */
  take(): 'all' | ReadonlySet<string>
  /** Exactly these files are followed from now on. Links are followed to what they lead to. */
  follow(names: readonly string[]): void
  /** A file is to be looked at once more though nothing will tell of it. */
  again(name: string): void
}

/** Everything may have changed at first. Where the system cannot watch (too many watches, no such directory), everything may have changed always. */
export function watchFiles(directory: string): FileChanges {
  const watchers = new Map<string, FSWatcher>()
  let changed = new Set<string>()
  let all = true
  const start = (path: string, tell: (event: string) => void): FSWatcher | undefined => {
    try {
      const watcher = watch(path, { persistent: false }, tell)
      watcher.on('error', () => { all = true })
      return watcher
    } catch {
      return undefined
    }
  }
  const end = (name: string): void => {
    watchers.get(name)?.close()
    watchers.delete(name)
  }
  const own = start(directory, (event) => { if (event === 'rename') all = true })
  /** Links whose file is not there yet, and what there are no more watches for: tried again each time, and looked at meanwhile. */
  const unwatched = new Set<string>()
  const watchOne = (name: string): void => {
    const watcher = start(join(directory, name), (event) => {
      changed.add(name)
      if (event !== 'rename') return
      // Moved or replaced: this watch stays with the old file.
      end(name)
      unwatched.add(name)
    })
    if (watcher === undefined) return void unwatched.add(name)
    unwatched.delete(name)
    watchers.set(name, watcher)
  }
  return {
    take() {
      for (const name of unwatched) {
        changed.add(name)
        watchOne(name)
      }
      const found = all ? 'all' : changed
      all = own === undefined
      changed = new Set()
      return found
    },
    follow(names) {
      const wanted = new Set(names)
      for (const name of watchers.keys()) if (!wanted.has(name)) end(name)
      for (const name of unwatched) if (!wanted.has(name)) unwatched.delete(name)
      for (const name of names) if (!watchers.has(name)) watchOne(name)
    },
    again: (name) => void changed.add(name),
    [Symbol.dispose]() {
      own?.close()
      for (const name of watchers.keys()) end(name)
    },
  }
}
