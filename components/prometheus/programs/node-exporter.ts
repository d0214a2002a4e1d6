import { untilAborted, type Program } from '@idp/sandbox'
import { metricsResponse } from '../engine/metrics-text.ts'
import { nodeMetrics } from '../engine/node-metrics.ts'
import { portOf, readFlags } from './flags.ts'

/** Stands in for node-exporter. */
export const nodeExporter: Program = {
  images: ['quay.io/prometheus/node-exporter', 'docker.io/prom/node-exporter'],
  async main({ args, clock, net, pod, signal }) {
    await using _listener = await net.listen(portOf(readFlags(args).get('web.listen-address'), 9100), { handler: (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/metrics') return metricsResponse(nodeMetrics(pod.node, clock.now()))
      return pathname === '/' ? new Response('<!doctype html><title>Node Exporter</title><h1>Node Exporter</h1><a href="/metrics">Metrics</a>', { headers: { 'content-type': 'text/html' } }) : new Response('not found\n', { status: 404 })
    } })
    await untilAborted(signal)
    return 0
  },
}
