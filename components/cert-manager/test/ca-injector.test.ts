import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CustomResourceDefinition, Secret, ValidatingWebhookConfiguration } from '@idp/api'
import { injectorControllers } from '../controllers/ca-injector.ts'
import { startCluster } from './cluster.ts'

const webhook = (name: string, annotation: string): string => `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: ${name}, annotations: { ${annotation} } }
webhooks:
  - { name: a.test.io, rules: [], admissionReviewVersions: [v1], sideEffects: None, clientConfig: { service: { name: a, namespace: app } } }
  - { name: b.test.io, rules: [], admissionReviewVersions: [v1], sideEffects: None, clientConfig: { service: { name: b, namespace: app } } }
`
const base64 = (text: string): string => Buffer.from(text).toString('base64')

test('puts bundles where annotations ask for them, and follows their source', async () => {
  await using cluster = await startCluster({ extra: injectorControllers('the API server CA') })
  await cluster.apply(`
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: { name: own }
spec: { selfSigned: {} }
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: { name: web, namespace: app }
spec: { secretName: web-tls, dnsNames: [a], issuerRef: { name: own, kind: ClusterIssuer } }
---
apiVersion: v1
kind: Secret
metadata: { name: open, namespace: app, annotations: { cert-manager.io/allow-direct-injection: 'true' } }
data: { ca.crt: ${base64('one')} }
---
apiVersion: v1
kind: Secret
metadata: { name: closed, namespace: app }
data: { ca.crt: ${base64('secret')} }
`)
  await cluster.apply(webhook('by-certificate', 'cert-manager.io/inject-ca-from: app/web'))
  await cluster.apply(webhook('by-secret', 'cert-manager.io/inject-ca-from-secret: app/open'))
  await cluster.apply(webhook('not-allowed', 'cert-manager.io/inject-ca-from-secret: app/closed'))
  await cluster.apply(webhook('by-api-server', 'cert-manager.io/inject-apiserver-ca: "true"'))
  await cluster.apply(webhook('plain', 'other: x'))
  await cluster.settle()
  const bundles = async (name: string) => (await cluster.api.client.get(ValidatingWebhookConfiguration, name)).webhooks?.map(({ clientConfig }) => clientConfig.caBundle)
  const ca = (await cluster.api.client.get(Secret, 'web-tls', { namespace: 'app' })).data?.['ca.crt']
  assert.deepEqual(await bundles('by-certificate'), [ca, ca])
  assert.deepEqual(await bundles('by-secret'), [base64('one'), base64('one')])
  assert.deepEqual(await bundles('not-allowed'), [undefined, undefined])
  assert.deepEqual(await bundles('by-api-server'), [base64('the API server CA'), base64('the API server CA')])
  assert.deepEqual(await bundles('plain'), [undefined, undefined])
  await cluster.api.client.patch(Secret, 'open', { data: { 'ca.crt': base64('two') } }, { type: 'merge', namespace: 'app' })
  await cluster.settle()
  assert.deepEqual(await bundles('by-secret'), [base64('two'), base64('two')])
})

test('injects into conversion webhooks of CRDs', async () => {
  await using cluster = await startCluster({ extra: injectorControllers('root') })
  await cluster.apply(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.test.io, annotations: { cert-manager.io/inject-apiserver-ca: 'true' } }
spec:
  group: test.io
  scope: Namespaced
  names: { kind: Thing, plural: things, singular: thing, listKind: ThingList }
  conversion: { strategy: Webhook, webhook: { conversionReviewVersions: [v1], clientConfig: { service: { name: a, namespace: app } } } }
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]
`)
  await cluster.settle()
  const { spec } = await cluster.api.client.get(CustomResourceDefinition, 'things.test.io')
  assert.equal(spec?.conversion?.webhook?.clientConfig?.caBundle, base64('root'))
})
