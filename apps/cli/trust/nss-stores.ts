import { join } from 'node:path'
import type { Machine } from './machine.ts'
import { done, nicknameOf, quote, undone, type TrustStore } from './trust-store.ts'

/** Where browsers on Linux keep their certificates: one store for Chromium and Chrome, one for each profile of Firefox. */
export async function nssStores(machine: Machine): Promise<TrustStore[]> {
  const found: { readonly directory: string; readonly audience: string; readonly make?: boolean }[] = [{ directory: join(machine.home, '.pki/nssdb'), audience: 'Chromium and Chrome', make: true }]
  const snap = join(machine.home, 'snap/chromium/current/.pki/nssdb')
  if (await machine.exists(snap)) found.push({ directory: snap, audience: 'Chromium (snap)' })
  for (const place of ['.mozilla/firefox', 'snap/firefox/common/.mozilla/firefox', '.var/app/org.mozilla.firefox/.mozilla/firefox']) {
    for (const profile of await machine.list(join(machine.home, place))) {
      const directory = join(machine.home, place, profile)
      if (await machine.exists(join(directory, 'cert9.db'))) found.push({ directory, audience: `Firefox (profile ${profile})` })
    }
  }
  return found.map((each) => nssStore(machine, each))
}

function nssStore({ run, exists, makeDirectory }: Machine, { directory, audience, make = false }: { readonly directory: string; readonly audience: string; readonly make?: boolean }): TrustStore {
  const database = `sql:${directory}`
  const certutil = async (args: readonly string[]): Promise<{ readonly problem?: string; readonly missing?: boolean }> => {
    const { code, err } = await run('certutil', ['-d', database, ...args])
    return code === 0 ? {} : code === undefined ? { problem: 'certutil is not installed', missing: true } : { problem: err.trim().split('\n').at(-1) ?? '' }
  }
  const install = 'sudo apt-get install libnss3-tools   # or nss-tools, mozilla-nss-tools'
  return {
    id: `nss:${directory}`, audience,
    async add(authority) {
      const adding = ['-A', '-t', 'C,,', '-n', nicknameOf(authority), '-i', authority.file]
      const command = `certutil -d ${quote(database)} ${adding.map(quote).join(' ')}`
      if (make && !await exists(join(directory, 'cert9.db'))) {
        await makeDirectory(directory)
        const { problem, missing } = await certutil(['-N', '--empty-password'])
        if (problem !== undefined) return undone(problem, ...(missing === true ? [install] : []), `certutil -d ${quote(database)} -N --empty-password`, command)
      }
      const { problem, missing } = await certutil(adding)
      return problem === undefined ? done : undone(problem, ...(missing === true ? [install] : []), command)
    },
    async remove(authority) {
      const name = nicknameOf(authority)
      const { problem, missing } = await certutil(['-D', '-n', name])
      // What is not there need not be removed.
      if (problem === undefined || /could not find|SEC_ERROR_BAD_DATABASE|unable to find|SEC_ERROR_UNRECOGNIZED_OID/i.test(problem)) return done
      return undone(problem, ...(missing === true ? [install] : []), `certutil -d ${quote(database)} -D -n ${quote(name)}`)
    },
  }
}
