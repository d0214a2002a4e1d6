import type { AppProject } from '../kinds/app-project.ts'
import { sourcesOf, type Application, type ApplicationCondition } from '../kinds/application.ts'
import { inCluster, permitsDestination, permitsSource } from './project/permits.ts'

const invalid = (message: string): ApplicationCondition => ({ type: 'InvalidSpecError', message })

/** What is wrong with an Application before anything is rendered; empty when nothing is. */
export function validateSpec({ spec }: Application, project: AppProject | undefined): ApplicationCondition[] {
  if (project === undefined) return [invalid(`Application referencing project ${spec.project} which does not exist`)]
  // Both restrict what may be applied: ignoring them would let through what they forbid.
  for (const field of ['signatureKeys', 'destinationServiceAccounts'] as const) {
    if ((project.spec[field] ?? []).length > 0) return [invalid(`project '${spec.project}' uses ${field}, which this stand-in does not support`)]
  }
  const sources = sourcesOf(spec)
  const found: ApplicationCondition[] = []
  if (sources.length === 0) found.push(invalid('spec.source.repoURL and either spec.source.path or spec.source.chart are required'))
  for (const source of sources) {
    const hasPlace = (source.path ?? '') !== '' || (source.chart ?? '') !== '' || source.ref !== undefined
    if ((source.repoURL ?? '') === '' || !hasPlace) found.push(invalid('spec.source.repoURL and either source.path, source.chart, or source.ref are required'))
    else if ((source.chart ?? '') !== '' && (source.targetRevision ?? '') === '') found.push(invalid('spec.source.targetRevision is required if the manifest source is a helm chart'))
    else if (!permitsSource(project, source)) found.push(invalid(`application repo ${source.repoURL} is not permitted in project '${spec.project}'`))
  }
  return [...found, ...destinationFaults(spec.destination, spec.project, project)]
}

function destinationFaults({ server, name, namespace }: Application['spec']['destination'], projectName: string, project: AppProject): ApplicationCondition[] {
  if (server !== undefined && server !== '' && name !== undefined && name !== '') return [invalid(`application destination can't have both name and server defined: ${name} ${server}`)]
  if ((server ?? '') === '' && (name ?? '') === '') return [invalid('Destination server missing from app spec')]
  if (name !== undefined && name !== '' && name !== inCluster.name) return [invalid(`application destination spec is invalid: unable to find destination server: there are no clusters with this name: ${name}`)]
  if (server !== undefined && server !== '' && server !== inCluster.server) return [invalid(`cluster ${server} is not known: only the cluster itself, ${inCluster.server}, can be a destination`)]
  const destination = { server: server ?? inCluster.server, ...(name === undefined ? {} : { name }), ...(namespace === undefined ? {} : { namespace }) }
  if (permitsDestination(project, destination)) return []
  return [invalid(`application destination server '${destination.server}' and namespace '${namespace ?? ''}' do not match any of the allowed destinations in project '${projectName}'`)]
}
