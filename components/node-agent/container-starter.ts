import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '@idp/api'
import { createContainerFiles, type Container, type ContainerFiles, type Interface, type Program } from '@idp/sandbox'
import { CodedError, isCoded, jsonLog, memoryFiles, messageOf, type FileTree } from '@idp/kit'
import { containerEnv, expand } from './container-env.ts'
import { startInstance, type ContainerInstance } from './container-instance.ts'
import { openContainerLog } from './container-log.ts'
import type { ContainerRecord } from './container-record.ts'
import { parseImage } from './image-reference.ts'
import type { NodeContext } from './node-context.ts'
import type { DownwardFacts } from './downward-fields.ts'
import type { PodVolumes } from './pod-volumes.ts'
import { simulatedProgram } from './simulated-program.ts'
import type { TokenSource } from './service-account-tokens.ts'

/** What a pod's containers share while it runs. */
export interface PodRuntime {
  readonly pod: Pod
  readonly ip: string
  readonly network: Interface
  readonly volumes: PodVolumes
  readonly tokens: TokenSource
  readonly facts: DownwardFacts
  /** Directory of the pod's logs. */
  readonly logDirectory: string
}

/** Why a container does not start; becomes its waiting state and an event. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted'
  readonly reason: string
  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** The Service `default/kubernetes`, as every cluster here has it. */
const apiServer = { ip: '10.43.0.1', port: 443 }
const accountPath = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Resolves the image, makes environment and file system, and starts the program. Throws NotStarted. Sets the record's image and container ids. */
export async function startContainer(node: NodeContext, runtime: PodRuntime, record: ContainerRecord): Promise<{ readonly instance: ContainerInstance; readonly simulated: boolean }> {
  const { pod } = runtime
  const { spec } = record
  const { program, simulated } = await findProgram(node, runtime, record)
  const target = { object: pod, fieldPath: fieldPathOf(record) }
  node.events.event(target, 'Normal', 'Pulled', simulated ? `Container image "${spec.image}" is simulated: no program stands in for it` : `Container image "${spec.image}" already present on machine`)
  const env = configured(() => containerEnv(pod, spec, {
    configMap: (name) => node.objects.configMap(name, pod.metadata.namespace ?? ''),
    secret: (name) => node.objects.secret(name, pod.metadata.namespace ?? ''),
    services: () => [...node.objects.services(pod.metadata.namespace ?? ''), ...(pod.metadata.namespace === 'default' ? [] : node.objects.services('default'))],
    facts: runtime.facts,
  }))
  checkUser(pod, record)
  const id = Buffer.from(node.random(32)).toString('hex')
  const files = fileSystem(node, runtime, record, program, env)
  node.events.event(target, 'Normal', 'Created', `Created container: ${spec.name}`)
  const logFile = join(runtime.logDirectory, spec.name, `${record.restartCount}.log`)
  const log = openContainerLog(logFile, node.clock)
  await linkLog(node, pod, spec.name, id, `../pods/${logDirectoryName(pod)}/${spec.name}/${record.restartCount}.log`)
  const lookUp = (name: string) => env[name]
  const mountsAccount = spec.volumeMounts?.some((m) => m.mountPath === accountPath) === true
  let over = false
  const token = async () => {
    if (over) throw new CodedError({ code: 'ContainerEnded', message: 'the container has ended; its client is closed', where: `pod ${pod.metadata.namespace}/${pod.metadata.name}` })
    // The client calls the API server's handler itself: policies hold for it as for a connection.
    if (pod.spec.hostNetwork !== true) runtime.network.check(apiServer)
    return runtime.tokens.token(pod, undefined, 3_607)
  }
  const container: Omit<Container, 'signal' | 'net'> = {
    args: (spec.args ?? []).map((a) => expand(a, lookUp)),
    command: (spec.command ?? []).map((a) => expand(a, lookUp)),
    env, files,
    ...(mountsAccount ? { client: node.clientFor(token) } : {}),
    clock: node.clock,
    log: jsonLog(node.clock, (line) => log.write('stderr', line.endsWith('\n') ? line.slice(0, -1) : line)),
    stdout: (line) => log.write('stdout', line),
    random: node.random,
    pod: { name: pod.metadata.name ?? '', namespace: pod.metadata.namespace ?? '', uid: pod.metadata.uid ?? '', ip: runtime.ip, node: node.name, container: spec.name, image: spec.image ?? '' },
  }
  const instance = startInstance({
    id, program, log, clock: node.clock, net: runtime.network.open({ admin: administersNetwork(pod, record) }), container,
    terminationMessage: (code) => terminationMessage(record, files, logFile, log, code),
  })
  void instance.ended.then(() => { over = true })
  record.containerId = `idp://${id}`
  record.imageId = `${parseImage(spec.image ?? '').repository}@sha256:${createHash('sha256').update(spec.image ?? '').digest('hex')}`
  node.events.event(target, 'Normal', 'Started', `Started container ${spec.name}`)
  return { instance, simulated }
}

/** `spec.containers{name}`, as events name a container. */
export function fieldPathOf({ role, spec }: ContainerRecord): string {
  const list = role === 'regular' ? 'containers' : role === 'ephemeral' ? 'ephemeralContainers' : 'initContainers'
  return `spec.${list}{${spec.name}}`
}

export function logDirectoryName(pod: Pod): string {
  return `${pod.metadata.namespace}_${pod.metadata.name}_${pod.metadata.uid}`
}

async function findProgram(node: NodeContext, runtime: PodRuntime, record: ContainerRecord): Promise<{ program: Program; simulated: boolean }> {
  const { spec, role } = record
  const image = spec.image ?? ''
  let repository: string
  try {
    repository = parseImage(image).repository
  } catch (error) {
    throw new NotStarted('InvalidImageName', messageOf(error), { cause: error })
  }
  const load = node.programs.find(repository)
  if (load !== undefined) {
    try {
      return { program: await load(), simulated: false }
    } catch (error) {
      throw new NotStarted('ErrImagePull', `failed to load the program that stands in for "${image}": ${messageOf(error)}`, { cause: error })
    }
  }
  if (spec.imagePullPolicy === 'Never') throw new NotStarted('ErrImageNeverPull', `Container image "${image}" is not present with pull policy of Never`)
  const ends = role === 'init' || (role === 'regular' && runtime.pod.spec.restartPolicy !== 'Always' && runtime.pod.spec.restartPolicy !== undefined)
  const program = simulatedProgram({ pod: runtime.pod, container: spec, ends, identity: () => node.identity([runtime.ip, runtime.pod.metadata.name ?? '']) })
  return { program, simulated: true }
}

function configured<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (isCoded(error, 'CreateContainerConfigError', 'PathInvalid')) throw new NotStarted('CreateContainerConfigError', error.message, { cause: error })
    throw error
  }
}

function checkUser(pod: Pod, { spec }: ContainerRecord): void {
  const nonRoot = spec.securityContext?.runAsNonRoot ?? pod.spec.securityContext?.runAsNonRoot
  const user = spec.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser
  if (nonRoot === true && user === 0) {
    throw new NotStarted('CreateContainerConfigError', `container's runAsUser breaks non-root policy (pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${spec.name})`)
  }
}

/** Network agents run in the host network with CAP_NET_ADMIN (or privileged). */
function administersNetwork(pod: Pod, { spec: { securityContext } }: ContainerRecord): boolean {
  return pod.spec.hostNetwork === true && (securityContext?.privileged === true || securityContext?.capabilities?.add?.some((c) => c === 'NET_ADMIN' || c === 'ALL') === true)
}

function fileSystem(node: NodeContext, runtime: PodRuntime, record: ContainerRecord, program: Program, env: Readonly<Record<string, string>>): ContainerFiles {
  const { pod } = runtime
  const { spec } = record
  const scratch = join(node.podsDirectory, pod.metadata.uid ?? '', 'containers', spec.name)
  const readOnly = spec.securityContext?.readOnlyRootFilesystem === true
  const messagePath = spec.terminationMessagePath ?? '/dev/termination-log'
  return createContainerFiles({
    image: layered(layered(generatedFiles(node, runtime), node.programs.files), program.files),
    mounts: [
      ...configured(() => runtime.volumes.mounts(spec, env)),
      { path: messagePath, volume: { type: 'directory', root: join(scratch, `${record.restartCount}.termination-log`), boundary: scratch } },
    ],
    ...(readOnly ? {} : { scratch: join(scratch, 'root') }),
  })
}

/** What the node puts into every container. */
function generatedFiles(node: NodeContext, { pod, ip }: PodRuntime): FileTree {
  const host = pod.spec.hostname ?? pod.metadata.name ?? ''
  const { domain } = node
  const subdomain = pod.spec.subdomain === undefined ? '' : `${host}.${pod.spec.subdomain}.${pod.metadata.namespace}.svc.${domain}\t`
  const aliases = (pod.spec.hostAliases ?? []).map((a) => `${a.ip}\t${(a.hostnames ?? []).join('\t')}\n`).join('')
  return memoryFiles({
    'etc/hosts': `# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${ip}\t${subdomain}${host}\n${aliases}`,
    'etc/hostname': `${host}\n`,
    'etc/resolv.conf': `search ${pod.metadata.namespace}.svc.${domain} svc.${domain} ${domain}\nnameserver 10.43.0.10\noptions ndots:5\n`,
  })
}

function layered(top: FileTree, bottom: FileTree | undefined): FileTree {
  if (bottom === undefined) return top
  return {
    read: async (path) => (await top.read(path)) ?? bottom.read(path),
    async list(path) {
      const [a, b] = await Promise.all([top.list(path), bottom.list(path)])
      if (a === undefined || b === undefined) return a ?? b
      return [...new Map([...b, ...a].map((e) => [e.name, e])).values()].sort((x, y) => (x.name < y.name ? -1 : 1))
    },
  }
}

const longestMessage = 4_096
const longestFallback = 2_048

async function terminationMessage({ spec }: ContainerRecord, files: ContainerFiles, logFile: string, log: { flush(): Promise<void> }, exitCode: number): Promise<string> {
  const path = spec.terminationMessagePath ?? '/dev/termination-log'
  const own = await files.readText(path).catch(() => '')
  if (own !== '' || exitCode === 0 || spec.terminationMessagePolicy !== 'FallbackToLogsOnError') return own.slice(0, longestMessage)
  await log.flush()
  const lines = (await readFile(logFile, 'utf8').catch(() => '')).split('\n').filter((l) => l !== '').slice(-80)
  return lines.map((l) => `${l.split(' ').slice(3).join(' ')}\n`).join('').slice(-longestFallback)
}

async function linkLog(node: NodeContext, pod: Pod, container: string, id: string, target: string): Promise<void> {
  const directory = join(node.root, 'var/log/containers')
  const link = join(directory, `${pod.metadata.name}_${pod.metadata.namespace}_${container}-${id}.log`)
  try {
    await symlink(target, link)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new CodedError({ code: 'LogLinkFailed', message: messageOf(error), where: link, cause: error })
    await mkdir(directory, { recursive: true })
    await symlink(target, link)
  }
}

/** Removes the links to a container's log. */
export async function unlinkLog(node: NodeContext, pod: Pod, container: string, containerId: string): Promise<void> {
  await rm(join(node.root, 'var/log/containers', `${pod.metadata.name}_${pod.metadata.namespace}_${container}-${containerId.replace('idp://', '')}.log`), { force: true })
}
