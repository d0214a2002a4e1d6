import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseYaml } from '@idp/formats'
import { isCoded } from '@idp/kit'
import { temporaryDirectory } from '@idp/testkit'
import type { NodeConfig } from '../config/config.ts'
import { deleteK3dCluster, ensureK3dCluster, stopK3dCluster, type Outcome, type RunProgram } from './k3d-cluster.ts'
import { k3dConfig } from './k3d-config.ts'

const node = (name: string, role: NodeConfig['role'], labels: Record<string, string> = {}): NodeConfig => ({ name, role, labels, cpu: '4', memory: '8Gi' })
const nodes = [node('server-0', 'control-plane'), node('agent-0', 'worker', { 'node-role': 'it-infra' }), node('agent-1', 'worker', { 'node-role': 'k8s-workloads', disk: 'fast' })]
const options = { name: 'demo', nodes, ports: { https: 31443, http: 31080 } }

interface Written {
  apiVersion: string; kind: string; metadata: { name: string }; servers: number; agents: number
  ports: { port: string; nodeFilters: string[] }[]
  options: { k3s: { extraArgs: { arg: string; nodeFilters: string[] }[]; nodeLabels: { label: string; nodeFilters: string[] }[] }; kubeconfig: Record<string, boolean> }
}
const written = (text: string) => parseYaml(text, { source: 'k3d.yaml' }) as unknown as Written

test('the configuration has the nodes, labels and ports of idp.config.ts, and nothing that the platform brings itself', () => {
  const config = written(k3dConfig(options))
  assert.deepEqual([config.apiVersion, config.kind, config.metadata.name, config.servers, config.agents], ['k3d.io/v1alpha5', 'Simple', 'demo', 1, 2])
  assert.deepEqual(config.ports, [{ port: '127.0.0.1:31443:30443', nodeFilters: ['server:0'] }, { port: '127.0.0.1:31080:30080', nodeFilters: ['server:0'] }])
  assert.deepEqual(config.options.k3s.nodeLabels, [{ label: 'node-role=it-infra', nodeFilters: ['agent:0'] }, { label: 'node-role=k8s-workloads', nodeFilters: ['agent:1'] }, { label: 'disk=fast', nodeFilters: ['agent:1'] }])
  const args = config.options.k3s.extraArgs.map(({ arg }) => arg)
  assert.deepEqual(args, ['--flannel-backend=none', '--disable=traefik', '--disable-network-policy', '--node-taint=node-role.kubernetes.io/control-plane:NoSchedule'])
  assert.deepEqual(config.options.kubeconfig, { updateDefaultKubeconfig: false, switchCurrentContext: false })
})

test('a cluster of one server takes the platform on that server', () => {
  const config = written(k3dConfig({ ...options, nodes: [node('server-0', 'control-plane', { 'node-role': 'it-infra' })] }))
  assert.deepEqual([config.servers, config.agents], [1, 0])
  assert.deepEqual(config.options.k3s.nodeLabels, [{ label: 'node-role=it-infra', nodeFilters: ['server:0'] }])
  assert.ok(!config.options.k3s.extraArgs.some(({ arg }) => arg.includes('taint')))
})

const well: Outcome = { code: 0, out: '', err: '' }
const missing: Outcome = { code: undefined, out: '', err: '' }

/** A machine that answers by the beginning of the command line; everything else goes well. */
function machine(answers: Readonly<Record<string, Outcome>>): { run: RunProgram; ran: string[] } {
  const ran: string[] = []
  return {
    ran,
    async run(command, args) {
      const line = [command, ...args].join(' ')
      ran.push(line)
      return Object.entries(answers).find(([start]) => line.startsWith(start))?.[1] ?? well
    },
  }
}

const refusals: readonly (readonly [code: string, answers: Record<string, Outcome>, says: RegExp])[] = [
  ['DockerMissing', { docker: missing }, /no 'docker' on the PATH/],
  ['DockerNotRunning', { docker: { code: 1, out: '', err: 'Cannot connect to the Docker daemon' } }, /Cannot connect to the Docker daemon/],
  ['K3dMissing', { 'k3d version': missing }, /no 'k3d' on the PATH/],
  ['ClusterExists', {}, /'demo' that idp did not make/],
  ['K3dFailed', { 'k3d cluster list': { code: 1, out: '', err: '' }, 'k3d cluster create': { code: 1, out: '', err: 'INFO preparing\nFATA port is taken' } }, /FATA port is taken/],
]
for (const [code, answers, says] of refusals) {
  test(`k3d: ${code} is said with what to do`, async () => {
    await using directory = await temporaryDirectory()
    await assert.rejects(ensureK3dCluster(machine(answers).run, { ...options, directory: directory.path }), (error) => isCoded(error, code) && says.test(error.message) && error.remedy !== undefined)
    if (code !== 'K3dFailed') assert.deepEqual(await readdir(directory.path), [])
  })
}

test('the cluster is created from the file once, and started after that', async () => {
  await using directory = await temporaryDirectory()
  const first = machine({ 'k3d cluster list': { code: 1, out: '', err: 'no such cluster' }, 'k3d kubeconfig': { code: 0, out: 'the kubeconfig', err: '' } })
  const order: string[] = []
  assert.equal(await ensureK3dCluster(first.run, { ...options, directory: directory.path, beforeCreate: async () => void order.push(...first.ran) }), 'the kubeconfig')
  assert.ok(!order.some((line) => line.includes('create')), 'it is remembered before it is made')
  const file = join(directory.path, 'k3d.yaml')
  assert.deepEqual(first.ran.slice(-2), [`k3d cluster create --config ${file}`, 'k3d kubeconfig get demo'])
  assert.equal(await readFile(file, 'utf8'), k3dConfig(options))
  const second = machine({})
  await ensureK3dCluster(second.run, { ...options, directory: directory.path })
  assert.deepEqual(second.ran.slice(-2), ['k3d cluster start demo', 'k3d kubeconfig get demo'])
})

test('stopping and removing say the same to k3d; what is gone needs no removing', async () => {
  const there = machine({})
  await stopK3dCluster(there.run, 'demo')
  await deleteK3dCluster(there.run, 'demo')
  assert.deepEqual(there.ran.filter((line) => /cluster (stop|delete)/.test(line)), ['k3d cluster stop demo', 'k3d cluster delete demo'])
  const gone = machine({ 'k3d cluster list': { code: 1, out: '', err: '' } })
  await deleteK3dCluster(gone.run, 'demo')
  assert.ok(!gone.ran.some((line) => line.includes('delete')))
})
