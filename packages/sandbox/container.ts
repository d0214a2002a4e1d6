import type { Client } from '@idp/client'
import type { Clock, FileTree, Log, Random } from '@idp/kit'
import type { Net } from './net.ts'

/**
 * The file system of a container: its image's files and its mounts. Paths are absolute, with `/`.
 * Volumes from ConfigMaps and Secrets change while the container runs, as kubelet's do.
 */
export interface ContainerFiles {
  /** Throws CodedError `FileNotFound`. */
  read(path: string): Promise<Uint8Array>
  readText(path: string): Promise<string>
  /** Throws CodedError `ReadOnly` outside writable mounts. */
  write(path: string, content: Uint8Array | string): Promise<void>
  append(path: string, content: Uint8Array | string): Promise<void>
  remove(path: string): Promise<void>
  exists(path: string): Promise<boolean>
  /** Names directly below a directory, sorted; throws `FileNotFound`. */
  list(path: string): Promise<readonly { readonly name: string; readonly directory: boolean }[]>
  /** Yields once for every change below `path` (coalesced). */
  watch(path: string, signal: AbortSignal): AsyncIterable<void>
  /** A directory of the machine behind a writable mount (emptyDir, PVC, hostPath), for programs that need a real one (git, WAL). Throws `NoDirectory` for others. */
  directory(path: string): Promise<string>
}

/** All that a program is given. It cannot tell whether it runs in process, in a worker or in a child process. */
export interface Container {
  /** The image's entry point is the program itself; these are `args` (after `command`, if the pod sets one: see `command`). */
  readonly args: readonly string[]
  readonly command: readonly string[]
  /** With variables from the pod's env, envFrom, downward API and the `*_SERVICE_HOST` of the cluster. */
  readonly env: Readonly<Record<string, string>>
  readonly files: ContainerFiles
  /** A client with the pod's ServiceAccount token (absent with automountServiceAccountToken: false). */
  readonly client?: Client
  readonly net: Net
  readonly clock: Clock
  /** Becomes the container's log as JSON lines on stderr. */
  readonly log: Log
  /** Raw standard output, one line at a time without newline, for programs whose log format matters. */
  stdout(line: string): void
  /** Aborted on SIGTERM (end of pod, liveness failure). The program should end within terminationGracePeriodSeconds. */
  readonly signal: AbortSignal
  readonly random: Random
  readonly pod: { readonly name: string; readonly namespace: string; readonly uid: string; readonly ip: string; readonly node: string; readonly container: string; readonly image: string }
}

/** A program that ships with idp in place of an image. Its promise is the exit code; a throw is exit code 1 with the message in the log. */
export interface Program {
  /** Repositories without tag, e.g. `docker.io/grafana/loki`; the same program may serve several (it can look at `container.pod.image` and args). */
  readonly images: readonly string[]
  /** Files of the image, below `/`; the container sees them read-only. */
  readonly files?: FileTree
  main(container: Container): Promise<number>
  /** Runs commands given to `kubectl exec` and to exec probes and lifecycle hooks. Absent: exec answers that the stand-in has no shell, by name. */
  exec?(container: Container, command: readonly string[], io: ExecIo): Promise<number>
}

export interface ExecIo {
  readonly stdin: AsyncIterable<Uint8Array>
  stdout(chunk: Uint8Array | string): void
  stderr(chunk: Uint8Array | string): void
  readonly tty: boolean
  /** Aborted when the caller is gone: a command that goes on by itself ends then. */
  readonly signal?: AbortSignal
}
