import type { ObjectStorage } from '../object-storage.ts'
import type { ResourceRegistry } from '../resource-registry.ts'
import type { RequestRecord } from './request-record.ts'
import { versionInfo } from '../discovery/version-info.ts'
import { qualifiedResource, rangeOf } from '../object-storage.ts'

const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60]

interface Histogram { readonly counts: number[]; sum: number; count: number }

/** Counts requests under upstream's metric names. */
export interface ApiMetrics {
  begin(): void
  end(record: RequestRecord, code: number, seconds: number): void
  /** Prometheus text format. */
  render(): string
}

export function apiMetrics(storage: ObjectStorage, registry: ResourceRegistry): ApiMetrics {
  const totals = new Map<string, number>()
  const durations = new Map<string, Histogram>()
  let inflight = 0
  return {
    begin: () => void inflight++,
    end(record, code, seconds) {
      inflight--
      const { info } = record
      if (info === undefined) return
      const verb = info.verb.toUpperCase()
      const common = `component="apiserver",dry_run="${record.dryRun === true ? 'All' : ''}",group="${info.group}",resource="${info.resource}",scope="${scopeOf(info)}",subresource="${info.subresource}",verb="${info.verb === 'create' ? 'POST' : info.verb === 'update' ? 'PUT' : verb}",version="${info.version}"`
      const key = `code="${code}",${common}`
      totals.set(key, (totals.get(key) ?? 0) + 1)
      if (info.verb === 'watch') return
      let histogram = durations.get(common)
      if (histogram === undefined) durations.set(common, (histogram = { counts: buckets.map(() => 0), sum: 0, count: 0 }))
      const at = buckets.findIndex((bound) => seconds <= bound)
      if (at >= 0) histogram.counts[at] = (histogram.counts[at] ?? 0) + 1
      histogram.sum += seconds
      histogram.count++
    },
    render() {
      const lines = [
        ...head('kubernetes_build_info', 'gauge', 'Version of Kubernetes whose API is served.'), `kubernetes_build_info{git_version="${versionInfo.gitVersion}",major="${versionInfo.major}",minor="${versionInfo.minor}"} 1`,
        ...head('apiserver_request_total', 'counter', 'Requests served, by verb, resource and answer.'), ...[...totals].map(([labels, value]) => `apiserver_request_total{${labels}} ${value}`),
        ...head('apiserver_request_duration_seconds', 'histogram', 'Time to serve a request.'), ...[...durations].flatMap(([labels, histogram]) => histogramLines(labels, histogram)),
        ...head('apiserver_current_inflight_requests', 'gauge', 'Requests being served now.'), `apiserver_current_inflight_requests{request_kind="all"} ${inflight}`,
        ...head('apiserver_storage_objects', 'gauge', 'Stored objects by resource.'),
        ...[...new Map(registry.all().map((resource) => [resource.prefix, resource])).values()].map((resource) => `apiserver_storage_objects{resource="${qualifiedResource(resource)}"} ${storage.store.count(rangeOf(resource))}`),
        ...head('apiserver_storage_revision', 'gauge', 'Revision of the store.'), `apiserver_storage_revision ${storage.store.revision}`,
      ]
      return `${lines.join('\n')}\n`
    },
  }
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

function histogramLines(labels: string, { counts, sum, count }: Histogram): string[] {
  let below = 0
  const name = 'apiserver_request_duration_seconds'
  return [
    ...buckets.map((bound, i) => `${name}_bucket{${labels},le="${bound}"} ${(below += counts[i] ?? 0)}`), `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`,
  ]
}

function scopeOf({ isResource, name, namespace }: { isResource: boolean; name: string; namespace: string }): string {
  if (!isResource) return ''
  return name !== '' ? 'resource' : namespace !== '' ? 'namespace' : 'cluster'
}
