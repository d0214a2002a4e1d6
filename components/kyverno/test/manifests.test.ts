import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { AnyObject } from '@idp/formats'
import { manifestProblem, type ManifestsRule } from '../engine/manifests.ts'
import { newKey } from './memory-registry.ts'

const [ours, theirs] = [newKey('ecdsa'), newKey('ecdsa')]
const trust = { now: 0, secretKey: async () => '' }
const yaml = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 80\n  selector:\n    app: web\n'
const domain = 'cosign.sigstore.dev'
const annotations = (text: string, ...keys: readonly ReturnType<typeof newKey>[]): Record<string, string> => Object.fromEntries([
  [`${domain}/message`, gzipSync(text).toString('base64')], ...keys.map(({ key }, index): [string, string] => [`${domain}/signature${index === 0 ? '' : `_${index}`}`, sign('sha256', Buffer.from(text), key).toString('base64')]),
])
const service = (notes: Record<string, string>, spec: object = {}): AnyObject => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default', uid: 'u', annotations: notes }, spec: { ports: [{ port: 80 }], selector: { app: 'web' }, ...spec } } as unknown as AnyObject)
const rule = (...pems: readonly string[]): ManifestsRule => ({ attestors: [{ entries: pems.map((publicKeys) => ({ keys: { publicKeys } })) }] })

const rows: readonly (readonly [what: string, rule: ManifestsRule, object: AnyObject, want: RegExp | undefined])[] = [
  ['signed as it is', rule(ours.pem), service(annotations(yaml, ours)), undefined],
  ['signed, with what the API server adds', rule(ours.pem), service(annotations(yaml, ours), { clusterIP: '10.0.0.1', type: 'ClusterIP', sessionAffinity: 'None', ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }] }), undefined],
  ['changed after it was signed', rule(ours.pem), service(annotations(yaml, ours), { selector: { app: 'other' } }), /diff found.*spec\.selector\.app/],
  ['with a field more', rule(ours.pem), service(annotations(yaml, ours), { externalName: 'x' }), /diff found.*spec\.externalName/],
  ['with a field more that does not count', { ...rule(ours.pem), ignoreFields: [{ objects: [{ kind: 'Service' }], fields: ['spec.externalName'] }] }, service(annotations(yaml, ours), { externalName: 'x' }), undefined],
  ['without signature', rule(ours.pem), service({}), /no annotation/],
  ['signed by another', rule(ours.pem), service(annotations(yaml, theirs)), /invalid signature/],
  ['signed by both', rule(ours.pem, theirs.pem), service(annotations(yaml, theirs, ours)), undefined],
  ['signed by one of two', rule(ours.pem, theirs.pem), service(annotations(yaml, ours)), /entries\[1\]/],
  ['with the message of another object', rule(ours.pem), service(annotations(yaml.replace('name: web', 'name: db'), ours)), /holds no Service web/],
]
for (const [what, given, object, want] of rows) {
  test(`an object ${what} is ${want === undefined ? 'accepted' : 'refused'}`, async () => {
    const problem = await manifestProblem(given, object, trust)
    if (want === undefined) assert.equal(problem, undefined)
    else assert.match(problem ?? '', want)
  })
}
