import { basename } from 'node:path'
import type { Machine } from './machine.ts'
import { done, quote, undone, type Authority, type Outcome, type TrustStore } from './trust-store.ts'

/** Where distributions take certificates of the machine's own, and what makes them count. */
const layouts = [
  { directory: '/usr/local/share/ca-certificates', update: ['update-ca-certificates'] },
  { directory: '/etc/pki/ca-trust/source/anchors', update: ['update-ca-trust', 'extract'] },
  { directory: '/etc/ca-certificates/trust-source/anchors', update: ['update-ca-trust', 'extract'] },
  { directory: '/etc/pki/trust/anchors', update: ['update-ca-certificates'] },
] as const

/** The store of all users of a Linux machine; undefined where none of the known places is there. Changing it takes root. */
export async function linuxSystemStore(machine: Machine): Promise<TrustStore | undefined> {
  for (const { directory, update: [program, ...args] } of layouts) {
    if (!await machine.exists(directory)) continue
    const fileOf = ({ cluster }: Authority): string => `${directory}/idp-${cluster}.crt`
    const update = async (): Promise<Outcome> => {
      const { code, err } = await machine.run(program, args)
      return code === 0 ? done : undone(code === undefined ? `${program} is not installed` : `${program} failed: ${err.trim()}`, [program, ...args].join(' '))
    }
    const asRoot = (...commands: string[]): Outcome => undone('only root may change what all users trust', ...[...commands, [program, ...args].join(' ')].map((command) => `sudo ${command}`))
    return {
      id: `system:${directory}`, audience: `all programs of this machine that ask the system, as curl, git and wget do (${basename(program)})`,
      holds: (authority) => machine.exists(fileOf(authority)),
      async add(authority) {
        if (!machine.root) return asRoot(`cp ${quote(authority.file)} ${quote(fileOf(authority))}`)
        await machine.write(fileOf(authority), authority.pem)
        return update()
      },
      async remove(authority) {
        if (!machine.root) return asRoot(`rm -f ${quote(fileOf(authority))}`)
        await machine.remove(fileOf(authority))
        return update()
      },
    }
  }
  return undefined
}
