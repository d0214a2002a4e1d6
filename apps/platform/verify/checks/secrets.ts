import type { AnyObject, JsonObject } from '@idp/formats'
import { secretData } from '../../access/credentials.ts'
import { vaultClient, type VaultClient } from '../../vault/vault-client.ts'
import type { Check, VerifyContext } from '../check.ts'
import { applyScratch, at, describe, eventually, get, list, patch, realPods, runningPods, type Ref } from '../live.ts'

const text = (value: unknown): string => String(value ?? '')
const namespace = 'observability'
const role = 'eso-observability-role'
const isReady = (object: AnyObject | undefined): boolean => ((at(object, 'status', 'conditions') ?? []) as { type: string; status: string }[]).some((c) => c.type === 'Ready' && c.status === 'True')

interface SecretRun {
  /** What the pod waited for before the Secret was there. */
  readonly missing: string
  readonly externalSecret: AnyObject
  readonly readyMs: number
  readonly rotatedMs: number
  readonly secret: Ref
}

/**
 * A value in Vault, followed into the mounted file of a running pod, and followed again when it changes. The pod runs the Git server with
 * credentials from that file: who knows the value is let in, so the file holds it.
 */
function secretRun(context: VerifyContext): Promise<SecretRun> {
  return context.once('secret', async () => {
    await realPods(context, 'vault-system', 'vault-0')
    await realPods(context, 'external-secrets-system', 'external-secrets-')
    const name = context.scratch
    const path = `secret/data/grafana/${name}`
    const vault = await rootVault(context)
    context.cleanUp(async () => void (await vault.call('POST', `secret/delete/grafana/${name}`, { versions: [1, 2] })))
    await vault.call('POST', path, { data: { username: 'verify', password: 'one' } })
    await serveWithSecret(context, name)
    const missing = await waitsForSecret(context, name)
    const started = context.clock.now()
    await applyScratch(context, {
      apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret', metadata: { name, namespace },
      spec: { refreshInterval: '1h', secretStoreRef: { name: 'vault-backend', kind: 'SecretStore' }, target: { name, creationPolicy: 'Owner' }, dataFrom: [{ extract: { key: `grafana/${name}` } }] },
    } as unknown as AnyObject)
    const externalSecret = (await eventually(context, { apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret', name, namespace }, isReady, 'to be synced from Vault')) as AnyObject
    await eventually(context, { apiVersion: 'v1', kind: 'Pod', name, namespace }, isReady, 'to start with its Secret')
    await letIn(context, name, 'one')
    const readyMs = context.clock.now() - started
    const changed = context.clock.now()
    await vault.call('POST', path, { data: { username: 'verify', password: 'two' } })
    await letIn(context, name, 'two')
    return { missing, externalSecret, readyMs, rotatedMs: context.clock.now() - changed, secret: { apiVersion: 'v1', kind: 'Secret', name, namespace } }
  })
}

async function rootVault(context: VerifyContext): Promise<VaultClient> {
  const keys = await secretData(context.client, 'vault-system', 'vault-init-keys')
  if (keys?.['root-token'] === undefined) throw new Error('Secret vault-system/vault-init-keys has no root-token')
  return vaultClient(context.client).as(keys['root-token'])
}

/** A pod with the Secret mounted, behind a Service and a route of its own. */
async function serveWithSecret(context: VerifyContext, name: string): Promise<void> {
  const image = text(at((await runningPods(context, 'git-system', 'git-server'))[0], 'spec', 'containers', 0, 'image'))
  const labels = { app: name }
  await applyScratch(context, {
    apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels },
    spec: {
      automountServiceAccountToken: false,
      containers: [{ name: 'main', image, ports: [{ containerPort: 8080 }], readinessProbe: { httpGet: { path: '/healthz', port: 8080 } }, volumeMounts: [{ name: 'credentials', mountPath: '/etc/git-credentials', readOnly: true }, { name: 'data', mountPath: '/data' }] }],
      volumes: [{ name: 'credentials', secret: { secretName: name } }, { name: 'data', emptyDir: {} }],
    },
  } as unknown as AnyObject)
  await applyScratch(context, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] } } as unknown as AnyObject)
  await applyScratch(context, {
    apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: { name, namespace },
    spec: { parentRefs: [{ name: 'idp-gateway', namespace: 'kube-system' }], hostnames: [`${name}.${context.domain.local}`], rules: [{ backendRefs: [{ name, port: 80 }] }] },
  } as unknown as AnyObject)
}

async function waitsForSecret(context: VerifyContext, name: string): Promise<string> {
  const pod = await eventually(context, { apiVersion: 'v1', kind: 'Pod', name, namespace }, (object) => at(object, 'spec', 'nodeName') !== undefined, 'to be scheduled')
  if (isReady(pod)) throw new Error(`pod ${namespace}/${name} is ready although its Secret does not exist`)
  const kind = await context.client.kindOf('v1', 'Event')
  for (let look = 0; look < 50; look++) {
    const events = (await context.client.list(kind, { namespace, fieldSelector: `involvedObject.name=${name}` })).items
    const found = events.find((event) => text(at(event, 'reason')) === 'FailedMount')
    if (found !== undefined) return text(at(found, 'message'))
    await new Promise<void>((resolve) => context.clock.timer(100, resolve))
  }
  throw new Error(`pod ${namespace}/${name} does not say that its Secret is missing`)
}

/** Waits until the pod lets the scratch user in with `password`: the mounted file holds it. */
async function letIn(context: VerifyContext, name: string, password: string): Promise<void> {
  const authorization = `Basic ${Buffer.from(`verify:${password}`).toString('base64')}`
  const deadline = context.clock.now() + 15_000
  for (;;) {
    const answer = await context.throughGateway(`${name}.${context.domain.local}`, '/api/repositories', { headers: { authorization } })
    if (answer.status === 200) return
    if (context.clock.now() > deadline) throw new Error(`the pod does not know the value from Vault: it answers ${answer.status}`)
    await new Promise<void>((resolve) => context.clock.timer(50, resolve))
  }
}

const storeConfigured: Check = async (context) => {
  const store = await get(context.client, { apiVersion: 'external-secrets.io/v1', kind: 'SecretStore', name: 'vault-backend', namespace })
  if (!isReady(store)) throw new Error(`SecretStore ${namespace}/vault-backend is not ready: ${JSON.stringify(at(store, 'status', 'conditions'))}`)
  const vault = at(store, 'spec', 'provider', 'vault') as JsonObject
  return `SecretStore ${namespace}/vault-backend is validated against ${text(vault['server'])} with role ${role}`
}

const secretRead: Check = async (context) => {
  const run = await secretRun(context)
  return `ExternalSecret ${run.externalSecret.metadata.name} read secret/grafana/${context.scratch} from Vault through SecretStore ${text(at(run.externalSecret, 'spec', 'secretStoreRef', 'name'))}: ${text(at(run.externalSecret, 'status', 'conditions', 0, 'reason'))}`
}

const secretCreated: Check = async (context) => {
  const run = await secretRun(context)
  const secret = await get(context.client, run.secret)
  const owner = secret.metadata.ownerReferences?.find((o) => o.kind === 'ExternalSecret')
  if (owner === undefined) throw new Error(`${describe(run.secret)} does not belong to the ExternalSecret`)
  return `${describe(run.secret)} with keys ${Object.keys((at(secret, 'data') ?? {}) as object).join(', ')} belongs to ExternalSecret ${owner.name}`
}

const secretMissing: Check = async (context) => `before the Secret was there the pod waited: ${(await secretRun(context)).missing}`

const secretMounted: Check = async (context) => {
  const run = await secretRun(context)
  return `a pod with the Secret mounted let in who knows the value ${run.readyMs} ms after the ExternalSecret was made, and the changed value ${run.rotatedMs} ms after it was written to Vault`
}

/** A Secret changed by hand is put back. */
const secretKept: Check = async (context) => {
  const run = await secretRun(context)
  const before = at(await get(context.client, run.secret), 'data', 'password')
  const started = context.clock.now()
  await patch(context.client, run.secret, { data: { password: Buffer.from('by hand').toString('base64') } })
  await eventually(context, run.secret, (secret) => at(secret, 'data', 'password') === before, 'to be put back')
  return `${describe(run.secret)}, changed by hand, was put back after ${context.clock.now() - started} ms`
}

const vaultOperational: Check = async (context) => {
  await realPods(context, 'vault-system', 'vault-0')
  const status = await vaultClient(context.client).call('GET', 'sys/seal-status')
  if (status?.['sealed'] !== false) throw new Error('Vault is sealed')
  const stores = await list(context.client, 'external-secrets.io/v1', 'SecretStore')
  const unready = stores.find((store) => !isReady(store))
  if (stores.length === 0 || unready !== undefined) throw new Error(unready === undefined ? 'there is no SecretStore' : `SecretStore ${unready.metadata.namespace}/${unready.metadata.name} is not ready`)
  return `Vault ${text(status['version'])} is unsealed; ${stores.length} SecretStores log in to it: ${stores.map((s) => `${s.metadata.namespace}/${s.metadata.name}`).join(', ')}`
}

const secretsAvailable: Check = async (context) => {
  const first = await get(context.client, { apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret', name: 'argocd-admin-credentials', namespace: 'argocd' })
  if (!isReady(first)) throw new Error('ExternalSecret argocd/argocd-admin-credentials is not synced')
  const pods = await realPods(context, 'argocd', 'argocd-server')
  return `ExternalSecret argocd/argocd-admin-credentials is synced; ${pods.map((p) => p.metadata.name).join(', ')} runs`
}

const clusterReadyForVault: Check = async (context) => {
  const agents = await runningPods(context, 'kube-system', 'cilium-')
  const pods = await realPods(context, 'vault-system', 'vault-0')
  return `${agents.length} Cilium pods run; ${pods.map((p) => `${p.metadata.name} has address ${text(at(p, 'status', 'podIP'))}`).join(', ')}`
}

export const secretChecks = {
  'store-configured': storeConfigured, 'secret-read': secretRead, 'secret-created': secretCreated, 'secret-missing': secretMissing, 'secret-mounted': secretMounted, 'secret-kept': secretKept,
  'vault-operational': vaultOperational, 'secrets-available': secretsAvailable, 'cluster-ready-for-vault': clusterReadyForVault,
} satisfies Record<string, Check>
