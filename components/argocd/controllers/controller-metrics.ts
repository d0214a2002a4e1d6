import type { Application, OperationPhase } from '../kinds/application.ts'
import { counter, formatMetrics, histogram, type MetricFamily } from '../engine/metrics.ts'

/** The application controller's metrics under upstream's names. */
export interface ControllerMetrics {
  synced(application: Application, phase: OperationPhase, seconds: number): void
  reconciled(application: Application, seconds: number): void
  /** The text exposition format. */
  text(applications: readonly Application[]): string
}

export function controllerMetrics(): ControllerMetrics {
  const syncs = counter('argocd_app_sync_total', 'Number of application syncs.')
  const duration = counter('argocd_app_sync_duration_seconds_total', 'Application sync performance in seconds total.')
  const reconcile = histogram('argocd_app_reconcile', 'Application reconciliation performance in seconds.', [0.25, 0.5, 1, 2, 4, 8, 16])
  const of = ({ metadata, spec }: Application) => ({ namespace: metadata.namespace ?? '', name: metadata.name ?? '', project: spec.project, dest_server: spec.destination.server ?? '' })
  return {
    synced(application, phase, seconds) {
      syncs.add({ ...of(application), phase, dry_run: String(application.operation?.sync?.dryRun === true) })
      duration.add(of(application), seconds)
    },
    reconciled: (application, seconds) => reconcile.observe({ namespace: application.metadata.namespace ?? '', dest_server: application.spec.destination.server ?? '' }, seconds),
    text: (applications) => formatMetrics([info(applications), syncs, duration, reconcile]),
  }
}

function info(applications: readonly Application[]): MetricFamily {
  return {
    name: 'argocd_app_info', type: 'gauge', help: 'Information about application.',
    samples: () => applications.map(({ metadata, spec, status, operation }) => ({
      labels: {
        autosync_enabled: String(spec.syncPolicy?.automated !== undefined), dest_namespace: spec.destination.namespace ?? '', dest_server: spec.destination.server ?? '',
        health_status: status?.health?.status ?? 'Unknown', name: metadata.name ?? '', namespace: metadata.namespace ?? '',
        operation: operation?.sync !== undefined ? 'sync' : status?.operationState?.phase === 'Running' ? 'sync' : metadata.deletionTimestamp === undefined ? '' : 'delete',
        project: spec.project, repo: (spec.source ?? spec.sources?.[0])?.repoURL ?? '', sync_status: status?.sync?.status ?? 'Unknown',
      }, value: 1,
    })),
  }
}
