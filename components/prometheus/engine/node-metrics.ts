import { availableParallelism, cpus, freemem, hostname, loadavg, machine, networkInterfaces, release, totalmem, type as osType, uptime, version } from 'node:os'
import { statfsSync } from 'node:fs'
import type { MetricFamily } from './metrics-text.ts'

const gauge = (name: string, help: string, value: number, labels: Record<string, string> = {}): MetricFamily => ({ name, type: 'gauge', help, samples: [{ labels, value }] })

/**
 * node-exporter's families that dashboards read, of the machine that idp runs on: all nodes of the embedded engine share it,
 * and each says so in `node_uname_info`'s help.
 */
export function nodeMetrics(node: string, now: number): MetricFamily[] {
  const [one = 0, five = 0, fifteen = 0] = loadavg()
  const disk = statfsSync('/')
  const mounted = { device: 'rootfs', fstype: 'rootfs', mountpoint: '/' }
  return [
    { name: 'node_cpu_seconds_total', type: 'counter', help: 'Seconds the CPUs spent in each mode.', samples: cpus().flatMap(({ times }, index) => Object.entries({ idle: times.idle, irq: times.irq, nice: times.nice, system: times.sys, user: times.user }).map(([mode, ms]) => ({ labels: { cpu: String(index), mode }, value: ms / 1000 }))) },
    gauge('node_memory_MemTotal_bytes', 'Memory information field MemTotal_bytes.', totalmem()),
    gauge('node_memory_MemFree_bytes', 'Memory information field MemFree_bytes.', freemem()),
    gauge('node_memory_MemAvailable_bytes', 'Memory information field MemAvailable_bytes.', process.availableMemory()),
    gauge('node_load1', '1m load average.', one), gauge('node_load5', '5m load average.', five), gauge('node_load15', '15m load average.', fifteen),
    gauge('node_boot_time_seconds', 'Unix time of last boot, including microseconds.', Math.round(now / 1000 - uptime())),
    gauge('node_time_seconds', 'System time in seconds since epoch (1970).', now / 1000),
    gauge('node_filesystem_size_bytes', 'Filesystem size in bytes.', disk.blocks * disk.bsize, mounted),
    gauge('node_filesystem_free_bytes', 'Filesystem free space in bytes.', disk.bfree * disk.bsize, mounted),
    gauge('node_filesystem_avail_bytes', 'Filesystem space available to non-root users in bytes.', disk.bavail * disk.bsize, mounted),
    gauge('node_uname_info', 'The machine that idp runs on; nodes of the embedded engine share it.', 1, { sysname: osType(), release: release(), version: version(), machine: machine(), nodename: node, domainname: hostname() }),
    { name: 'node_network_info', type: 'gauge', help: 'Non-numeric data of the network interfaces of the machine.', samples: Object.entries(networkInterfaces()).map(([device, addresses]) => ({ labels: { device, address: addresses?.[0]?.mac ?? '' }, value: 1 })) },
    gauge('node_exporter_build_info', 'A metric with a constant 1 value labeled by version.', 1, { version: '1.9.1', revision: 'idp' }),
    gauge('node_cpu_online', 'CPUs that are usable.', availableParallelism()),
  ]
}
