import { backoff, type Clock } from '@idp/kit'

/** What a pod that did not fit waits for. */
export type ClusterEvent = 'NodeAdded' | 'NodeChanged' | 'PodAdded' | 'PodRemoved' | 'VolumesChanged' | 'Anything'

/** Events after which a rule may decide differently. */
const concerns: Readonly<Record<string, readonly ClusterEvent[]>> = {
  NodeUnschedulable: ['NodeAdded', 'NodeChanged'], NodeName: ['NodeAdded'], TaintToleration: ['NodeAdded', 'NodeChanged'], NodeAffinity: ['NodeAdded', 'NodeChanged'],
  NodePorts: ['NodeAdded', 'PodRemoved'], NodeResourcesFit: ['NodeAdded', 'NodeChanged', 'PodRemoved'], VolumeRestrictions: ['NodeAdded', 'PodRemoved'], VolumeBinding: ['NodeAdded', 'NodeChanged', 'VolumesChanged'],
  PodTopologySpread: ['NodeAdded', 'NodeChanged', 'PodAdded', 'PodRemoved'], InterPodAffinity: ['NodeAdded', 'NodeChanged', 'PodAdded', 'PodRemoved'],
}

export interface QueuedPod {
  readonly key: string
  readonly priority: number
  /** Order of arrival. */
  readonly arrived: number
  attempts: number
  /** Rules that refused it last time. */
  plugins: ReadonlySet<string>
}

/** Pods that want a node: ready ones by priority, and those that wait for a change of the cluster or for their back-off. */
export interface SchedulingQueue {
  /** Adds a pod, or wakes it when it is waiting; a change of priority counts. */
  add(key: string, priority: number): void
  remove(key: string): void
  /** Takes the most important pod that is ready. */
  pop(): QueuedPod | undefined
  /** Puts a pod back that no node can take now; it comes back after an event that concerns the rules that refused it. */
  park(pod: QueuedPod, plugins: Iterable<string>): void
  /** Puts a pod back after a failure that is nobody's fault; it comes back after its back-off. */
  retry(pod: QueuedPod): void
  /** Something changed: wakes the pods that it may help. */
  wake(event: ClusterEvent): void
  readonly ready: number
  readonly parked: number
  /** Called when a pod becomes ready. */
  onReady: () => void
  stop(): void
}

const limits = { initial: 1_000, max: 10_000 }
/** Pods are tried again this often even if nothing happens. */
const flushMs = 300_000

export function createSchedulingQueue(clock: Clock): SchedulingQueue {
  const ready = new Map<string, QueuedPod>()
  const parked = new Map<string, { pod: QueuedPod; woken: boolean }>()
  const timers = new Map<string, Disposable>()
  let sorted: QueuedPod[] = []
  let stale = false
  let arrivals = 0
  let stopped = false

  const clear = (key: string) => {
    timers.get(key)?.[Symbol.dispose]()
    timers.delete(key)
  }
  const activate = (pod: QueuedPod) => {
    if (stopped) return
    clear(pod.key)
    parked.delete(pod.key)
    ready.set(pod.key, pod)
    // Appending keeps the order as long as nobody more important comes.
    const last = sorted[0]
    if (!stale && (last === undefined || order(pod, last) > 0)) sorted.unshift(pod)
    else stale = true
    queue.onReady()
  }
  const later = (pod: QueuedPod, ms: number) => {
    clear(pod.key)
    if (!stopped) timers.set(pod.key, clock.timer(ms, () => activate(pod)))
  }
  /** The first two attempts cost no wait: most pods wait for one thing that is on its way. */
  const rouse = (pod: QueuedPod) => {
    if (pod.attempts <= 2) activate(pod)
    else later(pod, backoff(pod.attempts - 2, limits))
  }
  const queue: SchedulingQueue = {
    add(key, priority) {
      if (ready.has(key)) return
      const waiting = parked.get(key)?.pod
      activate({ key, priority, arrived: waiting?.arrived ?? arrivals++, attempts: waiting?.attempts ?? 0, plugins: new Set() })
    },
    remove(key) {
      clear(key)
      parked.delete(key)
      if (ready.delete(key)) stale = true
    },
    pop() {
      if (stale) {
        // The end of the list is the front of the queue.
        sorted = [...ready.values()].sort((a, b) => order(b, a))
        stale = false
      }
      const pod = sorted.pop()
      if (pod === undefined) return undefined
      ready.delete(pod.key)
      pod.attempts++
      return pod
    },
    park(pod, plugins) {
      pod.plugins = new Set(plugins)
      parked.set(pod.key, { pod, woken: false })
      later(pod, flushMs)
    },
    retry(pod) {
      parked.set(pod.key, { pod, woken: true })
      later(pod, backoff(pod.attempts, limits))
    },
    wake(event) {
      for (const entry of parked.values()) {
        if (entry.woken || !isConcerned(entry.pod, event)) continue
        entry.woken = true
        rouse(entry.pod)
      }
    },
    get ready() { return ready.size },
    get parked() { return parked.size },
    onReady: () => {},
    stop() {
      stopped = true
      for (const key of timers.keys()) clear(key)
    },
  }
  return queue
}

function isConcerned(pod: QueuedPod, event: ClusterEvent): boolean {
  return event === 'Anything' || pod.plugins.size === 0 || [...pod.plugins].some((plugin) => concerns[plugin]?.includes(event) ?? true)
}

/** Negative when `a` goes first. */
function order(a: QueuedPod, b: QueuedPod): number {
  return b.priority - a.priority || a.arrived - b.arrived
}
