import { readdir, readFile, readlink } from 'node:fs/promises'

/** The process that listens on a TCP port, as far as this user may see it (Linux; undefined elsewhere). */
export async function portOwner(port: number): Promise<{ pid: number; command: string } | undefined> {
  if (process.platform !== 'linux') return undefined
  const inodes = new Set<string>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await readFile(table, 'utf8').catch(() => '')).split('\n')) {
      // sl local_address rem_address st … inode; state 0A is LISTEN
      const fields = line.trim().split(/\s+/)
      if (fields[3] === '0A' && parseInt(fields[1]?.split(':')[1] ?? '', 16) === port && fields[9] !== undefined) inodes.add(`socket:[${fields[9]}]`)
    }
  }
  if (inodes.size === 0) return undefined
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    // Processes of other users and those that ended meanwhile cannot be read.
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      if (!inodes.has(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''))) continue
      return { pid: Number(pid), command: (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim() }
    }
  }
  return undefined
}
