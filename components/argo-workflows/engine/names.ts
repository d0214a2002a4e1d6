/** FNV-1a, 32 bits, as Go's hash/fnv computes it. */
function fnv32a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}

/** A node's id: the workflow's name for its root, else that and a hash of the node's name. */
export const nodeId = (workflow: string, nodeName: string): string => (nodeName === workflow ? workflow : `${workflow}-${fnv32a(nodeName)}`)

/** A pod's name (upstream's v2): workflow, template, hash of the node's name. */
export function podName(workflow: string, nodeName: string, template: string): string {
  if (nodeName === workflow) return workflow
  const [prefix, hash] = [template === '' ? workflow : `${workflow}-${template}`, String(fnv32a(nodeName))]
  // 253 characters of a name, less a hash of ten and the dash.
  return `${prefix.slice(0, 253 - 11)}-${hash}`
}

/** Go's durations (`1h30m`), or seconds. In milliseconds; undefined for what is neither. */
export function durationMs(text: string | number | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (/^\d+(\.\d+)?$/.test(String(text))) return Number(text) * 1000
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  const parts = [...String(text).matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)]
  return parts.length === 0 || parts.map(([all]) => all).join('') !== text ? undefined : parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0), 0)
}
