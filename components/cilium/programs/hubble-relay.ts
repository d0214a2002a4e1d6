import { untilAborted, type Program } from '@idp/sandbox'
import { createRelay } from '../hubble/relay.ts'
import { healthEndpoint } from './health-endpoint.ts'

/** hubble-relay: observer.Observer over gRPC on 4245, for the flows of all nodes. */
export const hubbleRelay: Program = {
  images: ['quay.io/cilium/hubble-relay'],
  async main({ net, clock, log, signal, files }) {
    const config = await files.exists('/etc/hubble-relay/config.yaml') ? await files.readText('/etc/hubble-relay/config.yaml') : ''
    const setting = (name: string): string | undefined => new RegExp(`^${name}:\\s*"?([^"\\n]+?)"?\\s*$`, 'm').exec(config)?.[1]
    const peerService = (setting('peer-service') ?? 'hubble-peer.kube-system.svc.cluster.local.:443').replace('.:', ':')
    const { server } = createRelay({ net, clock, log, signal, peerService })
    using _server = server
    const health = healthEndpoint({ ready: () => true, metrics: () => '' })
    await using _health = await net.listen(4222, health)
    await using _grpc = await net.listenRaw(Number(/:(\d+)$/.exec(setting('listen-address') ?? '')?.[1] ?? 4245), (connection) => server.accept(connection))
    log.info('hubble-relay is ready', { peerService })
    await untilAborted(signal)
    return 0
  },
}
