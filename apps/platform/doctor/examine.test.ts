import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYamlDocuments, type AnyObject } from '@idp/formats'
import { examineWorld } from './examine.ts'
import { problemLines } from './examination-text.ts'
import { worldOf, type WorldFacts } from './world.ts'

const now = Date.parse('2026-11-22T12:00:00Z')
const kinds = ['Secret', 'ConfigMap', 'Service', 'EndpointSlice', 'PersistentVolumeClaim', 'StorageClass', 'ClusterIssuer', 'Issuer', 'Gateway', 'Node']
const read = (yaml: string): AnyObject[] => parseYamlDocuments(yaml).map((document) => document.value as unknown as AnyObject).filter((object) => object !== null)
const problemsOf = (yaml: string, facts: Partial<WorldFacts> = {}) => {
  const objects = read(yaml)
  return examineWorld(worldOf({ objects, kinds: [...kinds, ...objects.map((object) => object.kind)], now, ...facts })).problems
}

const deployment = (name: string): string => `
kind: Deployment
apiVersion: apps/v1
metadata: { name: ${name}, namespace: shop }
spec: { replicas: 1 }
status: { updatedReplicas: 1, availableReplicas: 0 }
---
kind: ReplicaSet
apiVersion: apps/v1
metadata: { name: ${name}-1, namespace: shop, ownerReferences: [{ kind: Deployment, name: ${name}, controller: true }] }
`
const pod = (name: string, rest: string): string => `
kind: Pod
apiVersion: v1
metadata: { name: ${name}-1-x, namespace: shop, labels: { app: ${name} }, ownerReferences: [{ kind: ReplicaSet, name: ${name}-1, controller: true }] }
${rest}
`
const application = (status: string): string => `
kind: Application
apiVersion: argoproj.io/v1alpha1
metadata: { name: shop, namespace: argocd }
spec: { source: { repoURL: 'https://me:pass@git.example/platform.git', path: K8s/shop, targetRevision: main } }
status: ${status}
`
const vault = `
kind: Service
apiVersion: v1
metadata: { name: vault, namespace: vault }
spec: { selector: { app: vault } }
---
kind: Pod
apiVersion: v1
metadata: { name: vault-0, namespace: vault, labels: { app: vault } }
spec: { nodeName: a }
status: { phase: Running, conditions: [{ type: Ready, status: 'False', message: containers with unready status }] }
---
kind: Node
apiVersion: v1
metadata: { name: a }
status: { conditions: [{ type: Ready, status: 'True' }] }
`

interface Fault { readonly name: string; readonly yaml: string; readonly facts?: Partial<WorldFacts>; readonly chain: readonly (string | RegExp)[]; readonly remedy: RegExp }

const faults: readonly Fault[] = [
  {
    name: 'a sealed Vault, seven steps down', facts: { seals: { 'vault/vault-0': { initialized: true, sealed: true } } },
    yaml: [application(`{ sync: { status: Synced }, health: { status: Degraded }, resources: [{ kind: Deployment, name: web, namespace: shop, health: { status: Degraded } }] }`), deployment('web'),
      pod('web', `spec: { nodeName: a }\nstatus: { phase: Pending, containerStatuses: [{ name: app, state: { waiting: { reason: CreateContainerConfigError, message: 'secret "db" not found' } } }] }`),
      `kind: ExternalSecret\napiVersion: external-secrets.io/v1\nmetadata: { name: db, namespace: shop }\nspec: { secretStoreRef: { name: store } }\nstatus: { conditions: [{ type: Ready, status: 'False', reason: SecretSyncedError, message: could not get secret data from provider }] }`,
      `kind: SecretStore\napiVersion: external-secrets.io/v1\nmetadata: { name: store, namespace: shop }\nspec: { provider: { vault: { server: 'http://vault.vault.svc:8200' } } }\nstatus: { conditions: [{ type: Ready, status: 'False', reason: InvalidProviderConfig, message: unable to log in }] }`, vault].join('\n---\n'),
    chain: ['Application argocd/shop is Degraded', /^Deployment shop\/web is not available/, /^Pod shop\/web-1-x is not ready: container app is in CreateContainerConfigError/, 'Secret shop/db does not exist', /^ExternalSecret shop\/db is not ready: SecretSyncedError/, /^SecretStore shop\/store is not ready/, 'Vault vault/vault is sealed'],
    remedy: /operator unseal/,
  },
  {
    name: 'a policy refuses an object', remedy: /PolicyException/,
    yaml: application(`{ sync: { status: OutOfSync }, health: { status: Missing }, operationState: { phase: Failed, syncResult: { resources: [{ kind: Deployment, name: web, namespace: shop, status: SyncFailed, message: "admission webhook \\"validate.kyverno.svc-fail\\" denied the request: \\n\\nresource Deployment/shop/web was blocked due to the following policies \\n\\nrequire-labels:\\n  check-owner: 'validation error: owner is required'\\n" }] } } }`),
    chain: ['Application argocd/shop is OutOfSync: its Deployment shop/web was not accepted', 'policy require-labels, rule check-owner refuses it: validation error: owner is required'],
  },
  {
    name: 'no node has the label', remedy: /kubectl label node NODE disk=fast/,
    yaml: [deployment('web'), pod('web', `spec: { nodeSelector: { disk: fast } }\nstatus: { phase: Pending, conditions: [{ type: PodScheduled, status: 'False', message: "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 node(s) didn't match Pod's node affinity/selector. preemption: none" }] }`)].join('\n---\n'),
    chain: [/^Deployment shop\/web/, 'Pod shop/web-1-x has no node', /^the scheduler finds no node: 0\/3 nodes are available: 1 node.*selector\.$/],
  },
  {
    name: 'no node is large enough, or tainted', remedy: /^Lower the pod's requests of cpu, or add a node; or add a toleration for gpu=only/,
    yaml: pod('web', `spec: {}\nstatus: { phase: Pending, conditions: [{ type: PodScheduled, status: 'False', message: "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {gpu: only}." }] }`),
    chain: ['Pod shop/web-1-x has no node', /Insufficient cpu/],
  },
  {
    name: 'an image that nobody has', remedy: /name and tag/,
    yaml: pod('web', `spec: { nodeName: b }\nstatus: { phase: Pending, containerStatuses: [{ name: app, image: 'shop/web:9', state: { waiting: { reason: ImagePullBackOff, message: 'manifest unknown' } } }] }\n---\nkind: Node\napiVersion: v1\nmetadata: { name: b }\nstatus: { conditions: [{ type: Ready, status: 'True' }] }`),
    chain: [/in ImagePullBackOff/, 'image shop/web:9 cannot be pulled: manifest unknown'],
  },
  {
    name: 'a crash loop shows its last lines', facts: { logs: { 'shop/web-1-x/app': ['connecting', 'no database'] } }, remedy: /--previous/,
    yaml: pod('web', `spec: {}\nstatus: { phase: Running, containerStatuses: [{ name: app, state: { waiting: { reason: CrashLoopBackOff } }, lastState: { terminated: { exitCode: 3 } } }], conditions: [{ type: PodScheduled, status: 'False' }] }`).replace('spec: {}', 'spec: { nodeName: b }') + `---\nkind: Node\napiVersion: v1\nmetadata: { name: b }\nstatus: { conditions: [{ type: Ready, status: 'True' }] }`,
    chain: [/in CrashLoopBackOff$/, 'container app ended with exit code 3; its last lines:\n| connecting\n| no database'],
  },
  {
    name: 'a certificate whose issuer has no CA', remedy: /ExternalSecret|create secret/,
    yaml: `kind: Certificate\napiVersion: cert-manager.io/v1\nmetadata: { name: web, namespace: shop }\nspec: { secretName: web-tls, issuerRef: { kind: ClusterIssuer, name: ca } }\nstatus: { conditions: [{ type: Ready, status: 'False', reason: DoesNotExist, message: Issuing certificate }] }\n---\nkind: ClusterIssuer\napiVersion: cert-manager.io/v1\nmetadata: { name: ca }\nspec: { ca: { secretName: root } }\nstatus: { conditions: [{ type: Ready, status: 'False', reason: ErrGetKeyPair, message: 'secret "root" not found' }] }`,
    chain: [/^Certificate shop\/web/, /^ClusterIssuer ca is not ready: ErrGetKeyPair/, 'Secret cert-manager/root does not exist'],
  },
  {
    name: 'a route whose Service fits no pod', remedy: /selector fit the labels/,
    yaml: `kind: HTTPRoute\napiVersion: gateway.networking.k8s.io/v1\nmetadata: { name: web, namespace: shop }\nspec: { hostnames: [shop.example], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }\nstatus: { parents: [{ conditions: [{ type: Accepted, status: 'True' }] }] }\n---\nkind: Service\napiVersion: v1\nmetadata: { name: web, namespace: shop }\nspec: { selector: { app: wbe } }`,
    chain: ['HTTPRoute shop/web answers 503 (https://shop.example)', 'Service shop/web has no ready endpoints', 'the selector of Service web fits no pod (app=wbe)'],
  },
  {
    name: 'a webhook that nobody answers', remedy: /add it to the repository/i,
    yaml: `kind: ValidatingWebhookConfiguration\napiVersion: admissionregistration.k8s.io/v1\nmetadata: { name: guard }\nwebhooks: [{ name: guard.example.com, failurePolicy: Fail, clientConfig: { service: { name: guard, namespace: shop } }, rules: [{ operations: [CREATE], resources: [pods] }] }]`,
    chain: ['ValidatingWebhookConfiguration guard stops every create of pods: failurePolicy is Fail and nothing answers', 'Service shop/guard does not exist'],
  },
  {
    name: 'broken YAML in Git', remedy: /push/,
    yaml: application(`{ sync: { status: Unknown }, health: { status: Healthy }, conditions: [{ type: ComparisonError, message: "Failed to load target state: rpc error: code = Unknown desc = accumulating resources from 'route.yaml': yaml: did not find expected key (K8s/shop/route.yaml:15:1)" }] }`),
    chain: ['Application argocd/shop has a ComparisonError', /^file K8s\/shop\/route\.yaml:15 cannot be read/],
  },
  {
    name: 'wrong credentials of the repository, without showing them', remedy: /secret-type=repository/,
    yaml: application(`{ sync: { status: Unknown }, health: { status: Healthy }, conditions: [{ type: ComparisonError, message: "rpc error: code = Unknown desc = authentication required" }] }`),
    chain: ['Application argocd/shop has a ComparisonError', 'repository https://git.example/platform.git refuses the credentials'],
  },
  {
    name: 'a claim of a class that is not there', remedy: /local-path/,
    yaml: `kind: PersistentVolumeClaim\napiVersion: v1\nmetadata: { name: data, namespace: shop }\nspec: { storageClassName: nvme }\nstatus: { phase: Pending }\n---\nkind: StorageClass\napiVersion: storage.k8s.io/v1\nmetadata: { name: local-path }`,
    chain: ['PersistentVolumeClaim shop/data is Pending', 'StorageClass nvme does not exist'],
  },
  {
    name: 'an exceeded quota', remedy: /Raise the quota/,
    yaml: deployment('web').replace(/(kind: ReplicaSet[\s\S]*)/, (set) => `${set}status: { conditions: [{ type: ReplicaFailure, status: 'True', reason: FailedCreate, message: 'pods "web-1-x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4' }] }\n`),
    chain: [/^Deployment shop\/web/, 'ResourceQuota small is exceeded: asked for pods=1, in use pods=4, limit pods=4'],
  },
  {
    name: 'a claim that is not there', remedy: /claimName/,
    yaml: pod('web', `spec: { volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }] }\nstatus: { phase: Pending, conditions: [{ type: PodScheduled, status: 'False', message: '0/1 nodes are available: persistentvolumeclaim "data" not found.' }] }`),
    chain: ['Pod shop/web-1-x has no node', 'PersistentVolumeClaim shop/data does not exist'],
  },
  {
    name: 'a route to a Gateway that is not there', remedy: /parentRefs/,
    yaml: `kind: HTTPRoute\napiVersion: gateway.networking.k8s.io/v1\nmetadata: { name: web, namespace: shop }\nspec: { parentRefs: [{ name: edge }], rules: [{ backendRefs: [{ name: web }] }] }`,
    chain: ['HTTPRoute shop/web belongs to no Gateway: it answers 404', 'Gateway shop/edge does not exist'],
  },
  {
    name: 'a node that is gone', remedy: /kubelet/,
    yaml: `${pod('web', `spec: { nodeName: b }\nstatus: { phase: Running, conditions: [{ type: Ready, status: 'False' }] }`)}\n---\nkind: Node\napiVersion: v1\nmetadata: { name: b }\nstatus: { conditions: [{ type: Ready, status: Unknown, reason: NodeStatusUnknown, message: Kubelet stopped posting node status. }] }`,
    chain: [/^Pod shop\/web-1-x is not ready/, /^Node b is not ready: NodeStatusUnknown/],
  },
]

for (const { name, yaml, facts, chain, remedy } of faults) {
  test(name, () => {
    const [first] = problemsOf(yaml, facts)
    const steps = (first?.chain ?? []).map(({ subject, says }) => `${subject} ${says}`)
    assert.equal(steps.length, chain.length, steps.join('\n'))
    chain.forEach((wanted, index) => (typeof wanted === 'string' ? assert.equal(steps[index], wanted) : assert.match(steps[index] ?? '', wanted)))
    assert.match(first?.remedy ?? '', remedy)
  })
}

test('symptoms of one root are one problem; the one that most hangs on comes first', () => {
  const down = (name: string, key: string) => `${deployment(name)}---${pod(name, `spec: {}\nstatus: { phase: Pending, containerStatuses: [{ name: app, state: { waiting: { reason: CreateContainerConfigError, message: 'secret "${key}" not found' } } }], conditions: [{ type: PodScheduled, status: 'True' }] }`)}`.replaceAll('spec: {}', 'spec: { nodeName: a }')
  const node = `kind: Node\napiVersion: v1\nmetadata: { name: a }\nstatus: { conditions: [{ type: Ready, status: 'True' }] }`
  const problems = problemsOf([down('api', 'other'), down('web', 'db'), down('worker', 'db'), node].join('\n---\n'))
  assert.deepEqual(problems.map(({ chain, also, weight }) => [chain.at(-1)?.subject, also, weight]), [['Secret shop/db', ['Deployment shop/worker'], 4], ['Secret shop/other', [], 2]])
  assert.deepEqual(problems[0] && problemLines(problems[0]).slice(-1), ['  for the same cause: Deployment shop/worker'])
})

test('a cluster where all is well has no problem, and a circle of causes ends', () => {
  assert.deepEqual(problemsOf(`kind: Node\napiVersion: v1\nmetadata: { name: a }\nstatus: { conditions: [{ type: Ready, status: 'True' }] }`), [])
  const hook = (name: string) => `kind: APIService\napiVersion: apiregistration.k8s.io/v1\nmetadata: { name: ${name} }\nspec: { service: { name: web, namespace: shop } }\nstatus: { conditions: [{ type: Available, status: 'False', message: no endpoints }] }`
  assert.equal(problemsOf([hook('a'), hook('b')].join('\n---\n')).length, 1)
})
