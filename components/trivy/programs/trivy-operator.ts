import { createManager, type Controller } from '@idp/controller'
import { CodedError, rfc3339 } from '@idp/kit'
import type { Program } from '@idp/sandbox'
import { assessRoles } from '../controllers/assess-roles.ts'
import { expireReports } from '../controllers/expire-reports.ts'
import { reportKinds, scanWorkloads } from '../controllers/scan-workloads.ts'
import { trimObject } from '../controllers/trim-object.ts'
import { metricsText } from '../engine/metrics.ts'
import { ClusterRbacAssessmentReport, ConfigAuditReport, ExposedSecretReport, RbacAssessmentReport, VulnerabilityReport } from '../kinds/reports.ts'
import { loadDatabase, loadSboms } from './database-files.ts'
import { readSettings } from './settings.ts'

/** Stands in for the Trivy operator: reports about what runs, kept current. Images are looked up by name and version; no layer is read. */
export const trivyOperator: Program = {
  images: ['mirror.gcr.io/aquasec/trivy-operator', 'ghcr.io/aquasecurity/trivy-operator', 'docker.io/aquasec/trivy-operator'],
  async main({ client, clock, env, files, log, net, pod, signal }) {
    if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
    const settings = readSettings(env)
    const [database, sboms] = await Promise.all([loadDatabase(files, settings.databasePath, log), loadSboms(files, settings.sbomPath, log)])
    log.info('the vulnerability database is loaded; images are matched by name and version, their layers are not read', { advisories: database.size, sources: [...database.sources.keys()].join(', '), updated: rfc3339(database.updated), sboms: sboms.length })
    let scans = 0
    let ready = false
    const options = { settings, database: () => database, sboms: () => sboms, version: pod.image.split(':').at(-1) ?? '', notBefore: clock.now() + settings.startDelayMs, scanned: () => { scans++ } }
    const manager = createManager({
      client, clock, log, signal, name: 'trivy-operator', trim: trimObject,
      controllers: [scanWorkloads(options), ...reportKinds(settings).map((kind) => expireReports(kind, settings.ttlMs)), ...settings.scanners.rbac ? assessRoles(options) : []] as unknown as Controller[],
    })
    const reports = (kind: typeof VulnerabilityReport) => manager.informers.known(kind)?.cache.list() ?? []
    await using _health = await net.listen(settings.healthPort, { handler: () => new Response(ready ? 'ok' : 'the first lists are not in yet', { status: ready ? 200 : 503 }) })
    await using _metrics = await net.listen(settings.metricsPort, { handler: (request) => {
      if (new URL(request.url).pathname !== '/metrics') return new Response('not found\n', { status: 404 })
      const text = metricsText({
        vulnerability: reports(VulnerabilityReport), configAudit: reports(ConfigAuditReport), exposedSecret: reports(ExposedSecretReport), rbac: [...reports(RbacAssessmentReport), ...reports(ClusterRbacAssessmentReport)],
        database, scans, now: clock.now(), vulnerabilityIds: settings.vulnerabilityIdMetrics,
      })
      return new Response(text, { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })
    } })
    await manager.started.catch((error: unknown) => { if (!signal.aborted) throw error })
    ready = true
    log.info('trivy-operator is ready')
    await manager.done
    return signal.aborted ? 0 : 1
  },
}
