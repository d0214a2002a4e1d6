import { join } from 'node:path'
import type { Machine } from './machine.ts'
import { done, quote, undone, type TrustStore } from './trust-store.ts'

/** The user's login keychain of macOS: Safari, Chrome, and Firefox where it imports the system's roots. */
export function macKeychain({ run, home }: Machine): TrustStore {
  const keychain = join(home, 'Library/Keychains/login.keychain-db')
  return {
    id: `keychain:${keychain}`, audience: 'Safari, Chrome, curl and what else asks the keychain of this user',
    async add({ file }) {
      const args = ['add-trusted-cert', '-r', 'trustRoot', '-k', keychain, file]
      const { code, err } = await run('security', args)
      return code === 0 ? done : undone(`security failed: ${err.trim()}`, `security ${args.map(quote).join(' ')}`)
    },
    async remove({ file, sha1 }) {
      // Trust first: a certificate without its settings is no more than a file.
      await run('security', ['remove-trusted-cert', file])
      const args = ['delete-certificate', '-Z', sha1.toUpperCase(), keychain]
      const { code, err } = await run('security', args)
      return code === 0 || /could not be found|Unable to delete/i.test(err) ? done : undone(`security failed: ${err.trim()}`, `security remove-trusted-cert ${quote(file)}`, `security ${args.map(quote).join(' ')}`)
    },
  }
}

/** The user's root store of Windows: Edge, Chrome, and Firefox where it imports the system's roots. */
export function windowsStore({ run }: Machine): TrustStore {
  return {
    id: 'windows:CurrentUser/Root', audience: 'Edge, Chrome, curl and what else asks the certificate store of this user',
    async add({ file }) {
      const { code, out, err } = await run('certutil', ['-user', '-addstore', 'Root', file])
      return code === 0 ? done : undone(`certutil failed: ${(err || out).trim()}`, `certutil -user -addstore Root "${file}"`)
    },
    async remove({ sha1 }) {
      const { code, out, err } = await run('certutil', ['-user', '-delstore', 'Root', sha1])
      return code === 0 || /0x80090011|not found/i.test(out + err) ? done : undone(`certutil failed: ${(err || out).trim()}`, `certutil -user -delstore Root ${sha1}`)
    },
  }
}
