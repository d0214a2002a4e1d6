import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { EndpointSlice, Secret, Service } from '@idp/api'
import { startTestApi, type TestApi } from '@idp/apiserver'
import { createManager } from '@idp/controller'
import { parseYamlDocuments, type AnyObject } from '@idp/formats'
import { silentLog } from '@idp/kit'
import { createCa, issueCertificate } from '@idp/pki'
import { createControllers, networkControllers } from '../controllers/create-controllers.ts'
import { CiliumLoadBalancerIPPool } from '../kinds/cilium.ts'
import { Gateway, GatewayClass, HTTPRoute } from '../kinds/gateway-api.ts'

const blueprint = new URL('../../../blueprint/IT/', import.meta.url)

async function apply(api: TestApi, yaml: string): Promise<void> {
  for (const { value } of parseYamlDocuments(yaml)) {
    if (value === null) continue
    const object = value as unknown as AnyObject
    await api.client.apply(await api.client.kindOf(object.apiVersion, object.kind), object, { fieldManager: 'test', force: true })
  }
}

/** Open schemas: what is tested here is the operator, not the validation of its inputs. */
const gatewayApiCrds = [['GatewayClass', 'v1', 'Cluster'], ['Gateway', 'v1'], ['HTTPRoute', 'v1'], ['GRPCRoute', 'v1'], ['TLSRoute', 'v1alpha2'], ['ReferenceGrant', 'v1beta1']].map(([kind = '', version, scope = 'Namespaced']) => {
  const plural = kind.endsWith('s') ? `${kind.toLowerCase()}es` : `${kind.toLowerCase()}s`
  return `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${plural}.gateway.networking.k8s.io, annotations: { api-approved.kubernetes.io: unapproved } }
spec:
  group: gateway.networking.k8s.io
  scope: ${scope}
  names: { kind: ${kind}, listKind: ${kind}List, plural: ${plural}, singular: ${kind.toLowerCase()} }
  versions: [{ name: ${version}, served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }]
`
}).join('---')

const ciliumCrds = [['CiliumNetworkPolicy', 'ciliumnetworkpolicies', 'Namespaced'], ['CiliumClusterwideNetworkPolicy', 'ciliumclusterwidenetworkpolicies', 'Cluster'], ['CiliumLoadBalancerIPPool', 'ciliumloadbalancerippools', 'Cluster']].map(([kind, plural, scope]) => `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${plural}.cilium.io }
spec:
  group: cilium.io
  scope: ${scope}
  names: { kind: ${kind}, listKind: ${kind}List, plural: ${plural}, singular: ${kind?.toLowerCase()} }
  versions: [{ name: v2, served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }]
`).join('---')

interface Running extends AsyncDisposable { readonly api: TestApi; settle(): Promise<void> }

async function running(): Promise<Running> {
  const api = await startTestApi({ namespaces: ['argocd', 'git-system', 'vault-system', 'cilium-secrets'] })
  await apply(api, gatewayApiCrds)
  await apply(api, ciliumCrds)
  await api.fake.advance(1000)
  const stop = new AbortController()
  const manager = createManager({
    client: api.client, clock: api.fake, log: silentLog, signal: stop.signal, name: 'cilium-operator',
    controllers: [...networkControllers(), ...createControllers({ serviceType: 'LoadBalancer', nodePorts: { 80: 30080, 443: 30443 }, proxyLabels: { 'k8s-app': 'cilium-envoy' }, secretsNamespace: 'cilium-secrets' })],
  })
  await manager.started
  return {
    api,
    async settle() {
      for (let quiet = 0; quiet < 4;) {
        await api.fake.advance(200)
        quiet = manager.idle ? quiet + 1 : 0
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await manager.done
      await api[Symbol.asyncDispose]()
    },
  }
}

const conditionsOf = (list: readonly { type: string; status: string; reason: string }[] | undefined): string[] => (list ?? []).map(({ type, status, reason }) => `${type}=${status} ${reason}`)

test('brings the Gateway of the platform repository to Programmed and judges its routes', async () => {
  await using world = await running()
  const { api } = world
  await apply(api, 'apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: cilium }\nspec: { controllerName: io.cilium/gateway-controller }')
  await apply(api, 'apiVersion: v1\nkind: Node\nmetadata: { name: n1 }')
  await api.client.patch((await api.client.kindOf('v1', 'Node')), 'n1', { status: { addresses: [{ type: 'InternalIP', address: '10.0.0.11' }] } }, { type: 'merge', subresource: 'status' })
  await apply(api, await readFile(new URL('gateway/gateway.yaml', blueprint), 'utf8'))
  await apply(api, await readFile(new URL('gateway/routes.yaml', blueprint), 'utf8'))
  await apply(api, 'apiVersion: v1\nkind: Service\nmetadata: { name: argocd-server, namespace: argocd }\nspec: { ports: [{ name: http, port: 80 }] }')
  await apply(api, 'apiVersion: v1\nkind: Pod\nmetadata: { name: cilium-envoy-1, namespace: kube-system, labels: { k8s-app: cilium-envoy } }\nspec: { containers: [{ name: x, image: x }] }')
  await api.client.patch((await api.client.kindOf('v1', 'Pod')), 'cilium-envoy-1', { status: { podIP: '10.0.0.11', conditions: [{ type: 'Ready', status: 'True' }] } }, { type: 'merge', subresource: 'status', namespace: 'kube-system' })
  await world.settle()
  assert.deepEqual(conditionsOf((await api.client.get(GatewayClass, 'cilium')).status?.conditions as never), ['Accepted=True Accepted'])

  let gateway = await api.client.get(Gateway, 'idp-gateway', { namespace: 'kube-system' })
  const listener = (name: string) => gateway.status?.listeners?.find((candidate) => candidate.name === name)
  assert.deepEqual(conditionsOf(listener('https')?.conditions as never), ['Accepted=True Accepted', 'Programmed=False Invalid', 'ResolvedRefs=False InvalidCertificateRef', 'Conflicted=False NoConflicts'])
  assert.deepEqual([listener('http')?.attachedRoutes, listener('https')?.attachedRoutes], [1, 3])

  const ca = await createCa({ subject: { commonName: 'ca' }, now: Date.now(), days: 1 })
  const pair = await issueCertificate({ ca, for: 'server', now: Date.now(), days: 1, dnsNames: ['*.idp.localhost'] })
  await api.client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'idp-wildcard-cert', namespace: 'kube-system' }, type: 'kubernetes.io/tls', data: { 'tls.crt': Buffer.from(pair.cert).toString('base64'), 'tls.key': Buffer.from(pair.key).toString('base64') } })
  await world.settle()
  gateway = await api.client.get(Gateway, 'idp-gateway', { namespace: 'kube-system' })
  assert.deepEqual(conditionsOf(gateway.status?.conditions as never), ['Accepted=True Accepted', 'Programmed=True Programmed'])
  assert.deepEqual(conditionsOf(listener('https')?.conditions as never), ['Accepted=True Accepted', 'Programmed=True Programmed', 'ResolvedRefs=True ResolvedRefs', 'Conflicted=False NoConflicts'])
  assert.deepEqual(gateway.status?.addresses, [{ type: 'IPAddress', value: '10.0.0.11' }])
  const service = await api.client.get(Service, 'cilium-gateway-idp-gateway', { namespace: 'kube-system' })
  assert.deepEqual(service.spec.ports?.map(({ name, port, nodePort }) => [name, port, nodePort]), [['port-80', 80, 30080], ['port-443', 443, 30443]])
  const slice = await api.client.get(EndpointSlice, 'cilium-gateway-idp-gateway', { namespace: 'kube-system' })
  assert.deepEqual(slice.ports?.map(({ name, port }) => [name, port]), [['port-80', 10000], ['port-443', 10001]])
  assert.deepEqual(slice.endpoints?.map(({ addresses, conditions }) => [addresses[0], conditions?.ready]), [['10.0.0.11', true]])
  const copy = await api.client.get(Secret, 'kube-system-idp-wildcard-cert', { namespace: 'cilium-secrets' })
  assert.equal(copy.type, 'kubernetes.io/tls')

  const verdicts = async (name: string, namespace: string) => (await api.client.get(HTTPRoute, name, { namespace })).status?.parents.map((parent) => conditionsOf(parent.conditions as never).join(', '))
  assert.deepEqual(await verdicts('argocd', 'argocd'), ['Accepted=True Accepted, ResolvedRefs=True ResolvedRefs', 'Accepted=True Accepted, ResolvedRefs=True ResolvedRefs'])
  assert.deepEqual(await verdicts('vault', 'vault-system'), ['Accepted=True Accepted, ResolvedRefs=False BackendNotFound', 'Accepted=True Accepted, ResolvedRefs=False BackendNotFound'])
  await api.client.delete(Secret, 'idp-wildcard-cert', { namespace: 'kube-system' })
  await world.settle()
  await assert.rejects(api.client.get(Secret, 'kube-system-idp-wildcard-cert', { namespace: 'cilium-secrets' }), /not found/)
})

test('the CA by which clients are judged is followed, copied for the proxies, and judged itself', async () => {
  await using world = await running()
  const { api } = world
  const pem = (await createCa({ subject: { commonName: 'clients' }, now: Date.now(), days: 1 })).cert
  const pair = await issueCertificate({ ca: await createCa({ subject: { commonName: 'ca' }, now: Date.now(), days: 1 }), for: 'server', now: Date.now(), days: 1, dnsNames: ['a.test'] })
  const configMap = (text: string) => apply(api, `{apiVersion: v1, kind: ConfigMap, metadata: {name: clients, namespace: argocd}, data: {ca.crt: ${JSON.stringify(text)}}}`)
  const gateway = (frontend: string) => apply(api, `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: gw, namespace: argocd}, spec: {gatewayClassName: cilium, ${frontend}listeners: [{name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}]}}`)
  const validation = (mode: string) => `tls: {frontend: {default: {validation: {mode: ${mode}, caCertificateRefs: [{group: '', kind: ConfigMap, name: clients}]}}}}, `
  const status = async () => (await api.client.get(Gateway, 'gw', { namespace: 'argocd' })).status
  const listener = async () => conditionsOf((await status())?.listeners?.[0]?.conditions as never).slice(0, 3)
  const copy = async () => Buffer.from((await api.client.get(Secret, 'argocd-cfgmap-clients', { namespace: 'cilium-secrets' })).data?.['ca.crt'] ?? '', 'base64').toString()
  const refused = ['Accepted=False NoValidCACertificate', 'Programmed=False Invalid', 'ResolvedRefs=False InvalidCACertificateRef']

  await apply(api, '{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: cilium}, spec: {controllerName: io.cilium/gateway-controller}}')
  await apply(api, `{apiVersion: v1, kind: Secret, metadata: {name: cert, namespace: argocd}, type: kubernetes.io/tls, data: {tls.crt: ${Buffer.from(pair.cert).toString('base64')}, tls.key: ${Buffer.from(pair.key).toString('base64')}}}`)
  await gateway(validation('AllowValidOnly'))
  await world.settle()
  assert.deepEqual(await listener(), refused, 'no ConfigMap yet')
  await configMap('nothing of the kind')
  await world.settle()
  assert.deepEqual(await listener(), refused, 'no certificate in it')
  await configMap(pem)
  await world.settle()
  assert.deepEqual(await listener(), ['Accepted=True Accepted', 'Programmed=True Programmed', 'ResolvedRefs=True ResolvedRefs'])
  assert.equal(await copy(), pem)
  const conditionTypes = async () => (await status())?.conditions?.map(({ type }) => type)
  await gateway(validation('AllowInsecureFallback'))
  await world.settle()
  assert.deepEqual(await conditionTypes(), ['Accepted', 'Programmed', 'InsecureFrontendValidationMode'])
  await gateway('')
  await world.settle()
  assert.deepEqual(await conditionTypes(), ['Accepted', 'Programmed'])
  await assert.rejects(copy(), /not found/)
})

test('Gateways get the addresses they name, or say why not; labels of their infrastructure come and go', async () => {
  await using world = await running()
  const { api } = world
  await apply(api, '{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: cilium}, spec: {controllerName: io.cilium/gateway-controller}}')
  await apply(api, '{apiVersion: cilium.io/v2, kind: CiliumLoadBalancerIPPool, metadata: {name: pool}, spec: {blocks: [{cidr: 192.0.2.0/24}]}}')
  const gateway = async (fields: string) => {
    await apply(api, `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: gw, namespace: argocd}, spec: {gatewayClassName: cilium, ${fields}listeners: [{name: http, port: 8080, protocol: HTTP}]}}`)
    await world.settle()
    const { status } = await api.client.get(Gateway, 'gw', { namespace: 'argocd' })
    return [...conditionsOf(status?.conditions as never), (status?.addresses ?? []).map(({ value }) => value).join()]
  }
  const labels = async () => {
    const { metadata } = await api.client.get(Service, 'cilium-gateway-gw', { namespace: 'argocd' })
    return [metadata.labels?.['team'], metadata.annotations?.['note']]
  }
  assert.deepEqual(await gateway('addresses: [{type: test/fake, value: nowhere}, {value: 198.51.100.1}], '), ['Accepted=False UnsupportedAddress', 'Programmed=False Invalid', ''])
  assert.deepEqual(await gateway('addresses: [{value: 198.51.100.1}, {value: 192.0.2.7}], '), ['Accepted=True Accepted', 'Programmed=False AddressNotUsable', ''])
  assert.deepEqual(await gateway('addresses: [{value: 192.0.2.7}], infrastructure: {labels: {team: web}, annotations: {note: hello}}, '), ['Accepted=True Accepted', 'Programmed=True Programmed', '192.0.2.7'])
  assert.deepEqual(await labels(), ['web', 'hello'])
  assert.deepEqual((await gateway('infrastructure: {parametersRef: {group: x.io, kind: Thing, name: t}}, ')).slice(0, 2), ['Accepted=False InvalidParameters', 'Programmed=False Invalid'])
  assert.deepEqual((await gateway('addresses: [{type: IPAddress}], ')).slice(0, 2), ['Accepted=True Accepted', 'Programmed=True Programmed'])
  assert.deepEqual(await labels(), [undefined, undefined])
  const long = 'a'.repeat(253)
  await apply(api, `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: ${long}, namespace: argocd}, spec: {gatewayClassName: cilium, listeners: [{name: http, port: 80, protocol: HTTP}]}}`)
  await world.settle()
  assert.deepEqual(conditionsOf((await api.client.get(Gateway, long, { namespace: 'argocd' })).status?.conditions as never), ['Accepted=True Accepted', 'Programmed=True Programmed'])
})

test('a Gateway that changes is judged anew, with the generation that was seen', async () => {
  await using world = await running()
  const { api } = world
  await apply(api, '{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: cilium}, spec: {controllerName: io.cilium/gateway-controller}}')
  const gateway = async (...names: string[]) => {
    await apply(api, `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: gw, namespace: argocd}, spec: {gatewayClassName: cilium, listeners: [${names.map((name, i) => `{name: ${name}, port: ${80 + i}, protocol: HTTP}`).join(', ')}]}}`)
    await world.settle()
    const { metadata, status } = await api.client.get(Gateway, 'gw', { namespace: 'argocd' })
    const stale = [...status?.conditions ?? [], ...(status?.listeners ?? []).flatMap(({ conditions }) => conditions)].filter(({ observedGeneration }) => observedGeneration !== metadata.generation)
    return [(status?.listeners ?? []).map(({ name, attachedRoutes }) => `${name} ${attachedRoutes}`).join(), stale.length]
  }
  assert.deepEqual(await gateway('one', 'two'), ['one 0,two 0', 0])
  for (const name of ['r', 's', 't']) await apply(api, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: ${name}, namespace: argocd}, spec: {parentRefs: [{name: gw, sectionName: one}], rules: [{backendRefs: [{name: web, port: 80}]}]}}`)
  assert.deepEqual(await gateway('one', 'two', 'three'), ['one 3,two 0,three 0', 0])
  await api.client.delete(HTTPRoute, 's', { namespace: 'argocd' })
  assert.deepEqual(await gateway('one'), ['one 2', 0])
  const route = async () => {
    const { metadata, status } = await api.client.get(HTTPRoute, 'r', { namespace: 'argocd' })
    return [metadata.generation, ...(status?.parents ?? []).flatMap(({ conditions }) => (conditions ?? []).map(({ observedGeneration }) => observedGeneration))]
  }
  assert.deepEqual(await route(), [1, 1, 1])
  await api.client.patch(HTTPRoute, 'r', { spec: { hostnames: ['a.test'] } }, { type: 'merge', namespace: 'argocd' })
  await world.settle()
  assert.deepEqual(await route(), [2, 2, 2])
})

test('Services get addresses of the pools that select them; pools say what is left', async () => {
  await using world = await running()
  const { api } = world
  const pool = (name: string, spec: string) => `{apiVersion: cilium.io/v2, kind: CiliumLoadBalancerIPPool, metadata: {name: ${name}}, spec: ${spec}}`
  const service = (name: string, extra = '') => apply(api, `{apiVersion: v1, kind: Service, metadata: {name: ${name}, namespace: default${extra}}, spec: {type: LoadBalancer, ports: [{port: 80}]}}`)
  const addresses = async (...names: string[]) => Promise.all(names.map(async (name) => {
    const { status } = await api.client.get(Service, name, { namespace: 'default' })
    const condition = status?.conditions?.find(({ type }) => type === 'cilium.io/IPAMRequestSatisfied')
    return `${status?.loadBalancer?.ingress?.map(({ ip }) => ip).join() ?? '-'} ${condition?.status} ${condition?.reason}`
  }))
  await apply(api, pool('blue', '{blocks: [{cidr: 192.0.2.0/30}], allowFirstLastIPs: "No", serviceSelector: {matchLabels: {color: blue}}}'))
  await apply(api, pool('any', '{blocks: [{start: 198.51.100.10, stop: 198.51.100.11}], serviceSelector: {matchExpressions: [{key: color, operator: DoesNotExist}]}}'))
  await service('one', ', labels: {color: blue}')
  await service('two', ', labels: {color: blue}')
  await world.settle()
  await service('three', ', labels: {color: blue}')
  await service('four', ', annotations: {lbipam.cilium.io/ips: 198.51.100.11}')
  await service('five')
  await service('six', ', annotations: {lbipam.cilium.io/ips: 203.0.113.1}')
  await world.settle()
  assert.deepEqual((await addresses('one', 'two', 'three', 'four', 'five', 'six')).sort(), ['- False out_of_ips', '- False pool_selector_mismatch', '192.0.2.1 True satisfied', '192.0.2.2 True satisfied', '198.51.100.10 True satisfied', '198.51.100.11 True satisfied'])
  await apply(api, pool('late', '{blocks: [{cidr: 192.0.2.0/24}]}'))
  await world.settle()
  const conditions = async (name: string) => conditionsOf((await api.client.get(CiliumLoadBalancerIPPool, name)).status?.conditions as never)
  const left = async (name: string) => (await api.client.get(CiliumLoadBalancerIPPool, name)).status?.conditions?.map(({ message }) => message)
  assert.deepEqual([await left('blue'), (await conditions('late'))[0]], [['', '2', '0', '2'], 'cilium.io/PoolConflict=True cidr_overlap'])
  await api.client.delete(Service, 'one', { namespace: 'default' })
  await world.settle()
  assert.deepEqual(await left('blue'), ['', '2', '1', '1'])
})
