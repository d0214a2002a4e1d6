import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import { createCa, extension, generateKey, parseCertificate, parseKey, publicKeyOf, signCertificate } from '@idp/pki'
import type { Json, JsonObject } from '@idp/formats'
import type { ContextSource } from '../engine/context.ts'
import { createRegistryClient, imageData } from '../engine/images/registry-client.ts'
import { verifyImage, type ImageTrust } from '../engine/images/verify-image.ts'
import { checkImagesRule, verifiedAnnotation, verifyImagesRule } from '../engine/images/verify-images-rule.ts'
import type { AttestorEntry, ImageVerification } from '../kinds/image-verification.ts'
import type { PolicyObject, Rule } from '../kinds/policy.ts'
import { celImageSource } from '../programs/cel-image-source.ts'
import { memoryRegistry, newKey, type KeyName } from './memory-registry.ts'

const now = Date.parse('2025-06-01T00:00:00Z')
const registry = memoryRegistry()
const host = 'registry.test'
const trust: ImageTrust = {
  now, registry: () => createRegistryClient({ fetch: registry.fetch, credentials: async () => ({ username: 'u', password: 'p' }) }),
  async secretKey(namespace, name) {
    if (`${namespace}/${name}` !== 'keys/cosign') throw new Error(`no secret ${namespace}/${name}`)
    return keys.ecdsa.pem
  },
}
const keys = { ecdsa: newKey('ecdsa'), rsa: newKey('rsa'), ed25519: newKey('ed25519'), other: newKey('ecdsa'), log: newKey('ecdsa') }
const ignore = { rekor: { ignoreTlog: true } }
const key = (pem: string): AttestorEntry => ({ keys: { publicKeys: pem, ...ignore } })
let images = 0
const image = (): { readonly name: string; readonly repository: string; readonly digest: string } => {
  const repository = `${host}/app-${++images}`
  return { name: `${repository}:1`, repository, digest: registry.push(repository, '1', { config: { User: 'app' } }) }
}
const verdict = async (asked: ImageVerification, name: string): Promise<string> => verifyImage(asked, name, { scope: {}, trust }).then(() => 'verified', (error: unknown) => (error instanceof Error ? error.message : String(error)))

for (const kind of ['ecdsa', 'rsa', 'ed25519'] as const satisfies readonly KeyName[]) {
  test(`a signature of a static ${kind} key`, async () => {
    const { name, repository, digest } = image()
    const asked = { attestors: [{ entries: [key(keys[kind].pem)] }] }
    assert.match(await verdict(asked, name), /\.attestors\[0\]\.entries\[0\]\.keys: no signatures found/)
    registry.sign(repository, digest, { key: keys.other.key })
    assert.match(await verdict(asked, name), /no matching signatures: invalid signature/)
    registry.sign(repository, digest, { key: keys[kind].key })
    assert.equal(await verdict(asked, name), 'verified')
    assert.match(await verdict({ attestors: [{ entries: [{ keys: { publicKeys: keys[kind].pem } }] }] }, name), /rekor\.ignoreTlog/)
  })
}

test('a signature that is about another image does not count, nor one without the annotations asked for', async () => {
  const { name, repository, digest } = image()
  registry.sign(repository, digest, { key: keys.ecdsa.key }, { about: `sha256:${'0'.repeat(64)}` })
  assert.match(await verdict({ attestors: [{ entries: [key(keys.ecdsa.pem)] }] }, name), /about another image/)
  registry.sign(repository, digest, { key: keys.ecdsa.key }, { optional: { stage: 'test' } })
  const annotated = (stage: string): ImageVerification => ({ attestors: [{ entries: [{ ...key(keys.ecdsa.pem), annotations: { stage } }] }] })
  assert.equal(await verdict(annotated('test'), name), 'verified')
  assert.match(await verdict(annotated('production'), name), /annotation mismatch: stage is "test"/)
})

test('of several attestors as many as asked must have signed', async () => {
  const { name, repository, digest } = image()
  registry.sign(repository, digest, { key: keys.ecdsa.key })
  const both = [key(keys.ecdsa.pem), key(keys.rsa.pem)]
  assert.match(await verdict({ attestors: [{ entries: both }] }, name), /entries\[1\]\.keys/)
  assert.equal(await verdict({ attestors: [{ count: 1, entries: both }] }, name), 'verified')
  assert.match(await verdict({ attestors: [{ entries: [key(keys.ecdsa.pem + keys.rsa.pem)] }] }, name), /invalid signature/, 'two keys in one text are two entries')
  assert.equal(await verdict({ attestors: [{ count: 1, entries: [key(keys.ecdsa.pem + keys.rsa.pem)] }] }, name), 'verified')
  assert.equal(await verdict({ attestors: [{ entries: [{ keys: { publicKeys: 'k8s://keys/cosign', ...ignore } }] }] }, name), 'verified')
  assert.equal(await verdict({ attestors: [{ entries: [{ attestor: { count: 1, entries: both } }] }] }, name), 'verified')
})

test('the transparency log is believed with its key alone, and only about this signature', async () => {
  const { name, repository, digest } = image()
  registry.sign(repository, digest, { key: keys.ecdsa.key, log: { key: keys.log.key, at: now } })
  const logged = (pubkey: string): ImageVerification => ({ attestors: [{ entries: [{ keys: { publicKeys: keys.ecdsa.pem, rekor: { pubkey } } }] }] })
  assert.equal(await verdict(logged(keys.log.pem), name), 'verified')
  assert.match(await verdict(logged(keys.other.pem), name), /not signed by its key/)
})

const utf8 = (text: string): Buffer => Buffer.concat([Buffer.from([0x0c, text.length]), Buffer.from(text)])
const fulcio = '1.3.6.1.4.1.57264.1'

async function keylessSigner(at: number) {
  const ca = await createCa({ subject: { commonName: 'sigstore' }, now: at, days: 365 })
  const private_ = await generateKey()
  const certificate = signCertificate({
    notBefore: at - 1000, notAfter: at + 600_000, publicKey: publicKeyOf(private_), usages: ['code signing'], uris: ['https://github.com/org/app/.github/workflows/build.yaml@refs/heads/main'],
    extensions: [extension(`${fulcio}.8`, false, utf8('https://token.actions.githubusercontent.com')), extension(`${fulcio}.5`, false, Buffer.from('org/app'))],
  }, { key: parseKey(ca.key), certificate: parseCertificate(ca.cert) })
  return { roots: ca.cert, certificate, key: private_ }
}

test('keyless: a short-lived certificate of a local root, issuer, subject and extensions', async () => {
  const { name, repository, digest } = image()
  const signer = await keylessSigner(now)
  registry.sign(repository, digest, signer)
  const asked = (more: object): ImageVerification => ({ attestors: [{ entries: [{ keyless: { roots: signer.roots, issuer: 'https://token.actions.githubusercontent.com', subject: 'https://github.com/org/*', ctlog: { ignoreSCT: true }, ...ignore, ...more } }] }] })
  const rows: readonly (readonly [more: object, want: RegExp])[] = [
    [{}, /^verified$/], [{ subjectRegExp: '^https://github\\.com/org/.+@refs/heads/main$' }, /^verified$/], [{ additionalExtensions: { githubWorkflowRepository: 'org/app' } }, /^verified$/],
    [{ subject: 'https://github.com/other/*' }, /subject mismatch/], [{ issuer: 'https://accounts.example.com' }, /issuer mismatch/], [{ additionalExtensions: { githubWorkflowRepository: 'org/other' } }, /githubWorkflowRepository mismatch/],
    [{ roots: (await keylessSigner(now)).roots }, /not issued by a root/], [{ roots: '' }, /no trust root/], [{ ctlog: {} }, /ignoreSCT/], [{ rekor: {} }, /ignoreTlog/],
  ]
  for (const [more, want] of rows) assert.match(await verdict(asked(more), name), want, JSON.stringify(more).slice(0, 80))
})

test('keyless: a certificate that has run out counts when the log says that it had not', async () => {
  const { name, repository, digest } = image()
  const signer = await keylessSigner(now - 30 * 86_400_000)
  registry.sign(repository, digest, { ...signer, log: { key: keys.log.key, at: now - 30 * 86_400_000 } })
  const asked = (rekor: object): ImageVerification => ({ attestors: [{ entries: [{ keyless: { roots: signer.roots, subject: '*', issuer: '*', ctlog: { ignoreSCT: true }, rekor } }] }] })
  assert.match(await verdict(asked({ ignoreTlog: true }), name), /not valid at the time/)
  assert.equal(await verdict(asked({ pubkey: keys.log.pem }), name), 'verified')
})

test('certificates: the policy\'s own, or the signature\'s under the policy\'s chain', async () => {
  const { name, repository, digest } = image()
  const signer = await keylessSigner(now)
  registry.sign(repository, digest, signer)
  const asked = (certificates: object): ImageVerification => ({ attestors: [{ entries: [{ certificates: { ...certificates, ...ignore } }] }] })
  assert.equal(await verdict(asked({ cert: signer.certificate }), name), 'verified')
  assert.equal(await verdict(asked({ certChain: signer.roots }), name), 'verified')
  assert.match(await verdict(asked({ cert: (await keylessSigner(now)).certificate }), name), /invalid signature/)
  assert.match(await verdict(asked({ certChain: (await keylessSigner(now)).roots }), name), /not issued by a root/)
})

test('attestations: type, subject, signer and conditions', async () => {
  const { name, repository, digest } = image()
  const type = 'https://example.com/scan/v1'
  const asked = (most: number, pem = keys.ecdsa.pem, wanted = type): ImageVerification => ({ attestations: [{ type: wanted, attestors: [{ entries: [key(pem)] }], conditions: [{ all: [{ key: '{{ findings }}', operator: 'LessThanOrEquals', value: most }] }] }] })
  assert.match(await verdict(asked(3), name), /\.attestations\[0\]\.attestors\[0\]\.entries\[0\]\.keys: no signatures found/)
  registry.attest(repository, digest, { key: keys.ecdsa.key }, { predicateType: type, predicate: { findings: 0 }, about: `sha256:${'1'.repeat(64)}` })
  assert.match(await verdict(asked(3), name), /about another image/)
  registry.attest(repository, digest, { key: keys.ecdsa.key }, { predicateType: type, predicate: { findings: 3 } })
  assert.equal(await verdict(asked(3), name), 'verified')
  assert.match(await verdict(asked(2), name), /conditions: attestation checks failed/)
  assert.match(await verdict(asked(3, keys.rsa.pem), name), /invalid signature/)
  assert.match(await verdict(asked(3, keys.ecdsa.pem, 'https://example.com/other'), name), /predicate type mismatch/)
})

const source: ContextSource = { configMap: async () => undefined, api: async () => null }
const rule = (more: object = {}): Rule => ({ name: 'signed', match: { any: [{ resources: { kinds: ['Pod'] } }] }, verifyImages: [{ imageReferences: [`${host}/*`], skipImageReferences: ['*skipped*'], failureAction: 'Enforce', attestors: [{ entries: [key(keys.ecdsa.pem)] }], ...more }] })
const policy = (one: Rule): PolicyObject => ({ apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata: { name: 'p' }, spec: { rules: [one] } })
const pod = (annotations: Record<string, string>, ...names: string[]) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default', annotations }, spec: { containers: names.map((name, index) => ({ name: `c${index}`, image: name })) } })

test('a rule puts digests in place of tags, notes what it verified, and refuses what is not signed', async () => {
  const [good, bad] = [image(), image()]
  registry.sign(good.repository, good.digest, { key: keys.ecdsa.key })
  const one = rule()
  const run = (object: ReturnType<typeof pod>) => verifyImagesRule(policy(one), one, { object: object as never, operation: 'CREATE' }, { source, trust })
  const passed = await run(pod({}, good.name, 'elsewhere.test/x:1', `${host}/skipped:1`))
  assert.equal(passed?.result.verdict, 'pass', passed?.result.message)
  const made = passed?.object as unknown as ReturnType<typeof pod>
  assert.deepEqual(made.spec.containers.map((container) => container.image), [`${good.name}@${good.digest}`, 'elsewhere.test/x:1', `${host}/skipped:1`])
  assert.deepEqual(JSON.parse(made.metadata.annotations[verifiedAnnotation] ?? ''), { [`${good.name}@${good.digest}`]: 'pass' })
  const failed = await run(pod({}, good.name, bad.name))
  assert.deepEqual([failed?.result.verdict, failed?.result.enforced], ['fail', true])
  assert.match(failed?.result.message ?? '', /no signatures found/)
  assert.equal(await run(pod({}, 'elsewhere.test/x:1')), undefined)
  assert.equal((await run(pod({}, `${host}/none:1`)))?.result.verdict, 'fail')
})

test('what a request notes itself is not believed; what is not verified or has no digest is refused', async () => {
  const { name, digest } = image()
  const forged = { [verifiedAnnotation]: JSON.stringify({ [name]: 'pass' }) }
  const one = rule()
  const verified = await verifyImagesRule(policy(one), one, { object: pod(forged, name) as never, operation: 'CREATE' }, { source, trust })
  assert.equal(verified?.object.metadata.annotations?.[verifiedAnnotation], undefined)
  const check = async (annotations: Record<string, string>, text: string, more: object = {}): Promise<string | undefined> => (await checkImagesRule(policy(rule(more)), rule(more), { object: pod(annotations, text) as never }, { source }))?.message
  assert.match(await check({}, name) ?? '', /missing digest/)
  assert.match(await check({}, `${name}@${digest}`) ?? '', /unverified image/)
  assert.equal(await check({}, name, { verifyDigest: false, required: false }), 'image verified')
  assert.equal(await check({ [verifiedAnnotation]: JSON.stringify({ [`${name}@${digest}`]: 'pass' }) }, `${name}@${digest}`), 'image verified')
})

test('a registry that asks for a login gets it', async () => {
  const { name } = image()
  registry.login = { username: 'u', password: 'p' }
  const data = await imageData(trust.registry(undefined), name) as unknown as Record<string, Json>
  assert.deepEqual([data['registry'], data['identifier'], (data['configData'] as { config: { User: string } }).config.User], [host, '1', 'app'])
  registry.login = { username: 'u', password: 'another' }
  await assert.rejects(imageData(createRegistryClient({ fetch: registry.fetch, credentials: async () => ({ username: 'u', password: 'p' }) }), name), { code: 'RegistryFailed' })
  registry.login = undefined
  assert.equal(createPublicKey(keys.ecdsa.pem).asymmetricKeyType, 'ec')
})

test('image policies in CEL ask the same questions', async () => {
  const { name, repository, digest } = image()
  const images = celImageSource(trust)
  const attestor = (data: string, ctlog: JsonObject = { insecureIgnoreTlog: true }): JsonObject => ({ name: 'a', cosign: { key: { data }, ctlog } })
  assert.equal(await images.isSigned({ image: name, attestor: attestor(keys.ecdsa.pem) }), false)
  registry.sign(repository, digest, { key: keys.ecdsa.key })
  registry.attest(repository, digest, { key: keys.ecdsa.key }, { predicateType: 'scan', predicate: { findings: 1 } })
  assert.equal(await images.isSigned({ image: name, attestor: attestor(keys.ecdsa.pem) }), true)
  assert.equal(await images.isSigned({ image: name, attestor: attestor(keys.rsa.pem) }), false)
  assert.equal(await images.isSigned({ image: name, attestor: attestor(keys.ecdsa.pem), attestation: { name: 's', intoto: { type: 'scan' } } }), true)
  assert.equal(await images.isSigned({ image: name, attestor: attestor(keys.ecdsa.pem), attestation: { name: 's', intoto: { type: 'other' } } }), false)
  // A statement that someone else left beside the image is not read.
  registry.attest(repository, digest, { key: keys.other.key }, { predicateType: 'scan', predicate: { findings: 0 } })
  assert.deepEqual((await images.payload(name, { name: 's', intoto: { type: 'scan' } }, [attestor(keys.ecdsa.pem)]) as { predicate?: Json }).predicate, { findings: 1 })
  await assert.rejects(images.payload(name, { name: 's', intoto: { type: 'scan' } }, [attestor(keys.rsa.pem)]), { code: 'NotVerified' })
  await assert.rejects(images.isSigned({ image: name, attestor: { name: 'n', notary: {} } }), { code: 'Unsupported' })
})
