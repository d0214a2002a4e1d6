import type { Pod } from '@idp/api'
import { untilAborted, type Container, type Program, type TlsIdentity } from '@idp/sandbox'
import { isCoded } from '@idp/kit'
import type { ContainerSpec } from './pod-spec.ts'
import { portNumber } from './pod-spec.ts'

export interface SimulationOptions {
  readonly pod: Pod
  readonly container: ContainerSpec
  /** Whether the container is expected to end by itself: of a Job, an init container, a pod that is not restarted. */
  readonly ends: boolean
  /** A certificate for probes over HTTPS. */
  identity(): Promise<TlsIdentity>
}

/**
 * Stands for an image that nobody has written a program for. It says so in its log, listens on every port that the pod
 * declares or probes, and answers each request with who it is.
 */
export function simulatedProgram(options: SimulationOptions): Program {
  return {
    images: [],
    async main(container) {
      const say = (what: string) => container.stdout(JSON.stringify({ level: 'info', msg: `simulated: no program stands in for ${container.pod.image}; ${what}`, image: container.pod.image, pod: container.pod.name }))
      if (options.ends) {
        say('nothing was done, ending with exit code 0')
        return 0
      }
      const ports = portsOf(options.container)
      say(ports.length === 0 ? 'it has no port' : `answering on port ${ports.map((p) => p.port).join(', ')}`)
      for (const port of ports) await serve(container, port, options)
      await untilAborted(container.signal)
      return 0
    },
  }
}

interface SimulatedPort { readonly port: number; readonly https: boolean }

/** Declared TCP ports and those of probes; HTTPS where a probe speaks it. */
export function portsOf(container: ContainerSpec): SimulatedPort[] {
  const ports = new Map<number, boolean>()
  for (const port of container.ports ?? []) if ((port.protocol ?? 'TCP') === 'TCP') ports.set(port.containerPort, false)
  for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
    const asked = portNumber(probe?.httpGet?.port ?? probe?.tcpSocket?.port ?? probe?.grpc?.port, container)
    if (asked !== undefined) ports.set(asked, (ports.get(asked) ?? false) || probe?.httpGet?.scheme === 'HTTPS')
  }
  return [...ports].map(([port, https]) => ({ port, https }))
}

async function serve(container: Container, { port, https }: SimulatedPort, options: SimulationOptions): Promise<void> {
  const { name, namespace, image, node, ip } = container.pod
  const handler = (request: Request): Response => {
    if (request.headers.get('content-type')?.startsWith('application/grpc') === true) return serving()
    return Response.json({ simulated: true, image, pod: name, namespace, container: container.pod.container, node, ip, port, method: request.method, path: new URL(request.url).pathname })
  }
  const identity = https ? await options.identity() : undefined
  try {
    await container.net.listen(port, { handler }, identity === undefined ? {} : { tls: { identity: () => identity } })
  } catch (error) {
    // Two simulated containers of a pod may declare the same port; the first has it.
    if (!isCoded(error, 'PortInUse')) throw error
  }
}

/** The answer SERVING of the gRPC health protocol. */
function serving(): Response {
  return new Response(Uint8Array.of(0, 0, 0, 0, 2, 8, 1), { headers: { 'content-type': 'application/grpc', 'grpc-status': '0' } })
}
