import type { ContainerInstance } from './container-instance.ts'

/** Estimated use of one container. All containers are parts of one process, so what the process uses is divided evenly among those that run. */
export interface Usage {
  /** Since the container started. */
  readonly cpuSeconds: number
  /** Cores, over the last interval between two samples. */
  readonly cpuCores: number
  readonly memoryBytes: number
}

/** What the process has used: injected, so that tests are exact. */
export interface ProcessMeter { cpuSeconds(): number; memoryBytes(): number }

export const thisProcess: ProcessMeter = {
  cpuSeconds() {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  },
  memoryBytes: () => process.memoryUsage.rss(),
}

export interface UsageMeter {
  /** The use of each running container now. */
  sample(running: readonly ContainerInstance[], now: number): ReadonlyMap<ContainerInstance, Usage>
}

const shortestInterval = 1_000

export function createUsageMeter(meter: ProcessMeter = thisProcess): UsageMeter {
  const spent = new WeakMap<ContainerInstance, { cpu: number; cores: number }>()
  let lastCpu = meter.cpuSeconds()
  let lastAt: number | undefined
  return {
    sample(running, now) {
      const share = Math.max(1, running.length)
      const passed = lastAt === undefined ? Infinity : now - lastAt
      if (passed >= shortestInterval) {
        const cpu = meter.cpuSeconds()
        const each = Math.max(0, cpu - lastCpu) / share
        for (const instance of running) {
          const before = spent.get(instance)
          spent.set(instance, { cpu: (before?.cpu ?? 0) + each, cores: Number.isFinite(passed) ? each / (passed / 1_000) : 0 })
        }
        lastCpu = cpu
        lastAt = now
      }
      const memoryBytes = Math.round(meter.memoryBytes() / share)
      return new Map(running.map((instance) => {
        const own = spent.get(instance)
        return [instance, { cpuSeconds: own?.cpu ?? 0, cpuCores: own?.cores ?? 0, memoryBytes }]
      }))
    },
  }
}
