import assert from 'node:assert/strict'
import { request as httpsRequest } from 'node:https'
import { test } from 'node:test'
import { listen } from '@idp/http'
import { fakeClock } from '@idp/kit'
import { createCa, extension, generateKey, issueCertificate, parseCertificate, parseKey, publicKeyOf, signCertificate, type KeyPair } from '@idp/pki'
import { createCrl } from '../engine/pki/crl.ts'
import { vaultHandler } from '../server/vault-handler.ts'
import { startVault, type Reply, type TestVault } from './start-vault.ts'

const day = 86_400_000
const authority = { commonName: 'clients' }

interface Started extends TestVault { readonly now: number; login(certificatePem: string | undefined, body?: object): Promise<Reply> }

async function start(clock = fakeClock()): Promise<Started> {
  const vault = await startVault({ clock })
  await vault.call('POST', 'sys/auth/cert', { type: 'cert' })
  return { ...vault, root: vault.root, now: clock.now(), login: (certificatePem, body = {}) => vault.call('POST', 'auth/cert/login', body, { token: '', ...(certificatePem === undefined ? {} : { certificatePem }) }) }
}

const web = { subject: { commonName: 'web.example.org', organizationalUnits: ['Platform', 'Edge'] }, dnsNames: ['web.example.org', 'alt.example.org'], emails: ['web@example.org'], uris: ['spiffe://example.org/ns/web'] }

test('logs in by a certificate of a trusted authority; the token says whose it is', async () => {
  const { call, login, now } = await start()
  const ca = await createCa({ subject: authority, now, days: 30 })
  const middle = await createCa({ subject: { commonName: 'between' }, now, days: 20, parent: ca })
  assert.equal((await call('POST', 'auth/cert/certs/Web', { certificate: ca.cert, token_policies: 'app', token_ttl: 3600 })).status, 204)
  const { body } = await call('GET', 'auth/cert/certs/web')
  assert.deepEqual([body.data.display_name, body.data.certificate, body.data.token_policies, body.data.token_ttl, body.data.allowed_names], ['web', ca.cert, ['app'], 3600, []])
  assert.deepEqual((await call('GET', 'auth/cert/certs?list=true')).body.data.keys, ['web'])
  for (const signer of [ca, middle]) {
    const { cert } = await issueCertificate({ ca: signer, for: 'client', now, days: 1, ...web })
    const { auth } = (await login(cert)).body
    const read = parseCertificate(cert)
    assert.deepEqual([auth.policies, auth.lease_duration, auth.metadata.cert_name, auth.metadata.common_name, auth.metadata.serial_number], [['app', 'default'], 3600, 'web', 'web.example.org', BigInt(`0x${read.serial}`).toString()])
    assert.equal((await call('GET', 'auth/token/lookup-self', undefined, { token: auth.client_token })).body.data.display_name, 'cert-web')
  }
  assert.equal((await call('DELETE', 'auth/cert/certs/web')).status, 204)
  assert.equal((await call('GET', 'auth/cert/certs/web')).status, 404)
})

test('refuses certificates that are missing, expired, not yet valid, of a stranger, for servers, broken, or of an authority that may not sign', async () => {
  const { call, login, now } = await start()
  const ca = await createCa({ subject: authority, now: now - 20 * day, days: 60, maxPathLength: 0 })
  const stranger = await createCa({ subject: authority, now, days: 30 })
  const beyond = await createCa({ subject: { commonName: 'too deep' }, now, days: 30, parent: ca })
  const leaf = await issueCertificate({ ca, for: 'client', now, days: 1 })
  const byLeaf = await issueCertificate({ ca: leaf, for: 'client', now, days: 1 })
  await call('POST', 'auth/cert/certs/web', { certificate: ca.cert })
  assert.equal((await login(leaf.cert)).status, 200)
  const issue = async (signer: KeyPair, at = now, use: 'client' | 'server' = 'client'): Promise<string> => (await issueCertificate({ ca: signer, for: use, now: at, days: 1 })).cert
  const rows: readonly [string, string | undefined][] = [
    ['missing', undefined], ['expired', await issue(ca, now - 3 * day)], ['not yet valid', await issue(ca, now + 2 * day)], ['a stranger', await issue(stranger)], ['for servers', await issue(ca, now, 'server')],
    ['broken', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'], ['through too many authorities', await issue(beyond)], ['signed by no authority', byLeaf.cert + leaf.cert],
  ]
  for (const [what, cert] of rows) assert.deepEqual([what, (await login(cert)).status], [what, 400])
  assert.match((await login(undefined)).body.errors[0], /client certificate must be supplied/)
  assert.match((await login(rows[3]?.[1])).body.errors[0], /invalid certificate or no client certificate supplied/)
  assert.equal((await login(leaf.cert, { name: 'other' })).status, 400)
  assert.equal((await login(leaf.cert, { name: 'WEB' })).status, 200)
})

test('an authority that has expired trusts nobody any more', async () => {
  const { call, login, now, clock } = await start()
  const ca = await createCa({ subject: authority, now, days: 2 })
  const { cert } = await issueCertificate({ ca, for: 'client', now, days: 9 })
  await call('POST', 'auth/cert/certs/web', { certificate: ca.cert })
  assert.equal((await login(cert)).status, 200)
  await clock.advance(3 * day)
  assert.equal((await login(cert)).status, 400)
})

test('conditions on names and extensions', async () => {
  const { call, login, now } = await start()
  const ca = await createCa({ subject: authority, now, days: 30 })
  const key = await generateKey()
  const signer = { key: parseKey(ca.key), certificate: parseCertificate(ca.cert) }
  const cert = signCertificate({ ...web, notBefore: now - 1000, notAfter: now + day, publicKey: publicKeyOf(key), usages: ['client auth'], extensions: [extension('1.3.6.1.4.1.99.1', false, Buffer.from('\x0c\x05blue!'))] }, signer)
  const rows: readonly [object, boolean][] = [
    [{}, true], [{ allowed_names: 'web@example.org' }, true], [{ allowed_names: 'a,b' }, false], [{ allowed_common_names: '*.example.org' }, true], [{ allowed_common_names: 'web.example' }, false], [{ allowed_common_names: 'alt.example.org' }, false],
    [{ allowed_dns_sans: ['alt.*.org'] }, true], [{ allowed_dns_sans: 'web.example.org.evil' }, false], [{ allowed_email_sans: '*@example.org' }, true], [{ allowed_email_sans: '*@example.com' }, false],
    [{ allowed_uri_sans: 'spiffe://example.org/ns/*' }, true], [{ allowed_uri_sans: 'spiffe://other/*' }, false], [{ allowed_organizational_units: 'Edge' }, true], [{ allowed_organizational_units: 'Sales' }, false],
    [{ allowed_dns_sans: '*', allowed_organizational_units: 'Sales' }, false], [{ required_extensions: '1.3.6.1.4.1.99.1:blue*' }, true], [{ required_extensions: '1.3.6.1.4.1.99.1:red' }, false],
    [{ required_extensions: '1.3.6.1.4.1.99.2:*' }, false], [{ required_extensions: 'hex:1.3.6.1.4.1.99.1:0C05*' }, true], [{ token_bound_cidrs: '10.0.0.0/8' }, true],
  ]
  for (const [role, allowed] of rows) {
    await call('DELETE', 'auth/cert/certs/web')
    assert.equal((await call('POST', 'auth/cert/certs/web', { certificate: ca.cert, allowed_metadata_extensions: '1.3.6.1.4.1.99.1', ...role })).status, 204)
    const { status, body } = await login(cert)
    assert.deepEqual([role, status], [role, allowed ? 200 : 400])
    if (allowed) assert.equal(body.auth.metadata['1-3-6-1-4-1-99-1'], 'blue!')
    else assert.match(body.errors[0], /no chain matching all constraints/)
  }
  await call('POST', 'auth/cert/certs/web', { token_bound_cidrs: '192.168.0.0/16', required_extensions: [], certificate: ca.cert })
  assert.equal((await login(cert)).status, 403)
})

test('a certificate that is no authority is matched as a whole, and signs nobody', async () => {
  const { call, login, now, clock } = await start()
  const ca = await createCa({ subject: authority, now, days: 30 })
  const [one, twin, server] = await Promise.all((['client', 'client', 'server'] as const).map((use) => issueCertificate({ ca, for: use, now, days: 1, ...web })))
  assert.equal((await call('POST', 'auth/cert/certs/web', { certificate: one?.cert })).status, 204)
  assert.equal((await login(one?.cert)).status, 200)
  assert.equal((await login(twin?.cert)).status, 400)
  await clock.advance(2 * day)
  assert.equal((await login(one?.cert)).status, 400)
  for (const [body, error] of [[{ certificate: server?.cert }, /client authentication/], [{ certificate: 'x' }, /failed to parse certificate/], [{}, /failed to parse certificate/], [{ certificate: ca.cert, ocsp_enabled: true }, /ocsp_enabled/], [{ certificate: ca.cert, required_extensions: 'x' }, /OID:VALUE/]] as const) {
    const answer = await call('POST', 'auth/cert/certs/bad', body)
    assert.deepEqual([answer.status, error.test(answer.body.errors[0])], [400, true])
  }
})

test('revoked certificates are refused, at login and at renewal', async () => {
  const { call, login, now } = await start()
  const ca = await createCa({ subject: authority, now, days: 30 })
  const signer = parseCertificate(ca.cert)
  const [bad, good] = await Promise.all([1, 2].map(() => issueCertificate({ ca, for: 'client', now, days: 9 })))
  await call('POST', 'auth/cert/certs/web', { certificate: ca.cert })
  const renew = async (token: string, certificatePem: string | undefined): Promise<Reply> => call('POST', 'auth/token/renew-self', {}, { token, ...(certificatePem === undefined ? {} : { certificatePem }) })
  const token = (await login(bad?.cert)).body.auth.client_token
  assert.equal((await renew(token, bad?.cert)).status, 200)
  assert.match((await renew(token, good?.cert)).body.errors[0], /client identity during renewal/)
  assert.equal((await renew(token, undefined)).status, 400)
  const serial = parseCertificate(bad?.cert ?? '').serial
  const der = createCrl({ key: parseKey(ca.key), rawSubject: signer.rawSubject, keyId: signer.subjectKeyId }, [{ serial, at: now }], now, now + day, 1)
  const crl = `-----BEGIN X509 CRL-----\n${der.toString('base64')}\n-----END X509 CRL-----\n`
  assert.equal((await call('POST', 'auth/cert/crls/first', { crl })).status, 204)
  assert.deepEqual((await call('GET', 'auth/cert/crls/first')).body.data.serials, { [BigInt(`0x${serial}`).toString()]: {} })
  assert.deepEqual([(await login(bad?.cert)).status, (await login(good?.cert)).status, (await renew(token, bad?.cert)).status], [400, 200, 400])
  await call('DELETE', 'auth/cert/crls/first')
  assert.equal((await login(bad?.cert)).status, 200)
  for (const body of [{ crl: 'nonsense' }, { url: 'http://crl.example.org' }, {}]) assert.equal((await call('POST', 'auth/cert/crls/x', body)).status, 400)
  assert.equal((await call('POST', 'auth/cert/config', { disable_binding: true })).status, 204)
  assert.equal((await call('GET', 'auth/cert/config')).body.data.disable_binding, true)
  assert.equal((await renew(token, undefined)).status, 200)
})

test('over TLS: the certificate of the handshake logs in, none does not', async () => {
  const { call, vault, now } = await start(fakeClock(Date.now()))
  const ca = await createCa({ subject: authority, now, days: 30 })
  const server = await issueCertificate({ ca, for: 'server', now, days: 1, dnsNames: ['localhost'] })
  const middle = await createCa({ subject: { commonName: 'between' }, now, days: 20, parent: ca })
  const client = await issueCertificate({ ca: middle, for: 'client', now, days: 1, ...web })
  await call('POST', 'auth/cert/certs/web', { certificate: ca.cert })
  await using open = await listen({ port: 0, server: { handler: vaultHandler(vault) }, tls: { identity: () => server, requestClientCertificate: true } })
  const send = (identity: object): Promise<number | undefined> => new Promise((resolve, reject) => {
    const sent = httpsRequest({ host: '127.0.0.1', servername: 'localhost', port: open.port, path: '/v1/auth/cert/login', method: 'POST', ca: ca.cert, agent: false, ...identity }, (response) => resolve(response.resume().statusCode))
    sent.on('error', reject).end('{"name":"web"}')
  })
  assert.deepEqual([await send(client), await send({})], [200, 400])
})
