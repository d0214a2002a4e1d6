import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCa } from '@idp/pki'
import type { Machine } from './machine.ts'
import { addTrust, authorityOf, removeTrust, type TrustRecord } from './trust.ts'

const now = Date.UTC(2026, 0, 1)
const authority = async (cluster = 'demo') => authorityOf(cluster, (await createCa({ subject: { commonName: 'root' }, now, days: 10 })).cert, '/data/demo/ca.crt')

interface Pretended extends Machine { readonly ran: string[]; readonly files: Map<string, string> }

/** A machine that remembers what it was asked to run. @param answers exit code (undefined: not installed) by program */
function machine(options: { readonly platform: NodeJS.Platform; readonly root?: boolean; readonly files?: readonly string[]; readonly answers?: Readonly<Record<string, { code: number | undefined; err?: string }>> }): Pretended {
  const files = new Map((options.files ?? []).map((file) => [file, '']))
  const ran: string[] = []
  const below = (path: string): string[] => [...files.keys()].filter((file) => file.startsWith(`${path}/`))
  return {
    platform: options.platform, home: '/home/me', root: options.root === true, ran, files,
    exists: (path) => Promise.resolve(files.has(path) || below(path).length > 0),
    list: (path) => Promise.resolve([...new Set(below(path).map((file) => file.slice(path.length + 1).split('/')[0] ?? ''))]),
    write: (path, text) => Promise.resolve(void files.set(path, text)), makeDirectory: () => Promise.resolve(), remove: (path) => Promise.resolve(void files.delete(path)),
    run(command, args) {
      ran.push([command, ...args].join(' '))
      const { code, err = '' } = command in (options.answers ?? {}) ? options.answers?.[command] ?? { code: 0 } : { code: 0 }
      return Promise.resolve({ code, out: '', err })
    },
  }
}

for (const [name, options, added, removed] of [
  ['Linux, a user: browsers at once, the system by commands', { platform: 'linux', files: ['/usr/local/share/ca-certificates/x', '/home/me/.mozilla/firefox/abc.default/cert9.db', '/home/me/.mozilla/firefox/profiles.ini'] },
    ['certutil -d sql:/home/me/.pki/nssdb -N --empty-password', 'certutil -d sql:/home/me/.pki/nssdb -A -t C,, -n NAME -i FILE', 'certutil -d sql:/home/me/.mozilla/firefox/abc.default -A -t C,, -n NAME -i FILE'],
    ['certutil -d sql:/home/me/.pki/nssdb -D -n NAME', 'certutil -d sql:/home/me/.mozilla/firefox/abc.default -D -n NAME']],
  ['Debian, root', { platform: 'linux', root: true, files: ['/usr/local/share/ca-certificates/x', '/home/me/.pki/nssdb/cert9.db'] }, ['certutil -d sql:/home/me/.pki/nssdb -A -t C,, -n NAME -i FILE', 'update-ca-certificates'], ['certutil -d sql:/home/me/.pki/nssdb -D -n NAME', 'update-ca-certificates']],
  ['Fedora, root', { platform: 'linux', root: true, files: ['/etc/pki/ca-trust/source/anchors/x', '/home/me/.pki/nssdb/cert9.db'] }, ['certutil -d sql:/home/me/.pki/nssdb -A -t C,, -n NAME -i FILE', 'update-ca-trust extract'], ['certutil -d sql:/home/me/.pki/nssdb -D -n NAME', 'update-ca-trust extract']],
  ['macOS', { platform: 'darwin' }, ['security add-trusted-cert -r trustRoot -k /home/me/Library/Keychains/login.keychain-db FILE'], ['security remove-trusted-cert FILE', 'security delete-certificate -Z SHA1 /home/me/Library/Keychains/login.keychain-db']],
  ['Windows', { platform: 'win32' }, ['certutil -user -addstore Root FILE'], ['certutil -user -delstore Root sha1']],
] as const) {
  test(`${name}; a second time does nothing, and it is taken out again`, async () => {
    const ca = await authority()
    const pretended = machine(options)
    const shown = (): string[] => pretended.ran.splice(0).map((line) => line.replace(`idp demo ${ca.fingerprint.slice(0, 8)}`, 'NAME').replace(ca.file, 'FILE').replace(ca.sha1.toUpperCase(), 'SHA1').replace(ca.sha1, 'sha1'))
    const first = await addTrust(pretended, ca, undefined)
    assert.deepEqual(shown(), added)
    assert.equal(pretended.files.get(ca.file), ca.pem)
    const again = await addTrust(pretended, ca, first.record)
    assert.deepEqual([shown(), again.record], [[], first.record])
    const gone = await removeTrust(pretended, ca, first.record)
    assert.deepEqual([shown(), gone.record, gone.reports.every(({ outcome }) => outcome.done)], [removed, undefined, true])
    assert.deepEqual([...pretended.files.keys()].filter((file) => file.includes('idp-')), [])
  })
}

test('without privileges it says what to run, and takes note of it when it was run', async () => {
  const ca = await authority()
  const pretended = machine({ platform: 'linux', files: ['/usr/local/share/ca-certificates/x', '/home/me/.pki/nssdb/cert9.db'] })
  const first = await addTrust(pretended, ca, undefined)
  const system = first.reports.find(({ id }) => id.startsWith('system:'))?.outcome
  assert.deepEqual(system, { done: false, reason: 'only root may change what all users trust', commands: ['sudo cp /data/demo/ca.crt /usr/local/share/ca-certificates/idp-demo.crt', 'sudo update-ca-certificates'] })
  pretended.files.set('/usr/local/share/ca-certificates/idp-demo.crt', ca.pem)
  const second = await addTrust(pretended, ca, first.record)
  assert.ok(second.reports.every(({ outcome }) => outcome.done && 'already' in outcome))
  const gone = await removeTrust(pretended, ca, second.record)
  assert.deepEqual(gone.reports.map(({ outcome }) => (outcome.done ? [] : outcome.commands)), [[], ['sudo rm -f /usr/local/share/ca-certificates/idp-demo.crt', 'sudo update-ca-certificates']])
  assert.deepEqual(gone.record?.stores, ['system:/usr/local/share/ca-certificates'])
})

test('a program that is missing or fails is named, with what to do', async () => {
  const ca = await authority()
  for (const [answer, reason, commands] of [
    [{ code: undefined }, 'certutil is not installed', /libnss3-tools/], [{ code: 255, err: 'certutil: function failed: SEC_ERROR_BAD_DATABASE: security library: bad database.\n' }, /SEC_ERROR_BAD_DATABASE/, /^certutil -d sql:/],
  ] as const) {
    const { reports, record } = await addTrust(machine({ platform: 'linux', files: ['/home/me/.pki/nssdb/cert9.db'], answers: { certutil: answer } }), ca, undefined)
    const [outcome] = reports.map((report) => report.outcome)
    assert.ok(outcome?.done === false)
    assert.match(outcome.reason, typeof reason === 'string' ? new RegExp(reason) : reason)
    assert.match(outcome.commands.join('\n'), commands)
    assert.deepEqual(record.stores, [])
  }
})

test('a CA that was replaced is taken out before the new one is put in', async () => {
  const [old, fresh] = [await authority(), await authority()]
  const pretended = machine({ platform: 'linux', files: ['/home/me/.pki/nssdb/cert9.db'] })
  const { record } = await addTrust(pretended, old, undefined)
  pretended.ran.length = 0
  const next: TrustRecord = (await addTrust(pretended, fresh, record)).record
  assert.deepEqual(pretended.ran.map((line) => /-([AD]) .*demo (\w+)/.exec(line)?.slice(1)), [['D', old.fingerprint.slice(0, 8)], ['A', fresh.fingerprint.slice(0, 8)]])
  assert.equal(next.fingerprint, fresh.fingerprint)
})
