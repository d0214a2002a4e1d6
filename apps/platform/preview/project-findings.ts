import { parseApiVersion } from '@idp/api'
import { permitsDestination, permitsKind, permitsSource } from '../../../components/argocd/engine/project/permits.ts'
import type { AppProject } from '../../../components/argocd/kinds/app-project.ts'
import { sourcesOf } from '../../../components/argocd/kinds/application.ts'
import { referenceOf } from './field-changes.ts'
import type { AdmissionFinding } from './preview-model.ts'
import { objectsOf, type Side, type SideApplication } from './side.ts'

/** What the AppProjects of a commit forbid its Applications. A project that the repository does not hold is taken to allow everything. */
export function projectFindings(side: Side): AdmissionFinding[] {
  const projects = new Map(objectsOf(side).filter(({ object }) => object.kind === 'AppProject').map(({ object }) => [object.metadata.name ?? '', object as unknown as AppProject]))
  return [...side.applications.values()].flatMap((application) => {
    const name = application.application.spec?.project ?? 'default'
    const project = projects.get(name)
    return project?.spec === undefined ? [] : findings(application, project, name)
  })
}

function findings({ name, application, objects }: SideApplication, project: AppProject, projectName: string): AdmissionFinding[] {
  const { destination } = application.spec
  const finding = (object: Parameters<typeof referenceOf>[0], rule: string, message: string): AdmissionFinding => ({ outcome: 'refused', application: name, object: referenceOf(object), policy: `AppProject ${projectName}`, rule, message })
  const itself = application as unknown as Parameters<typeof referenceOf>[0]
  const sources = sourcesOf(application.spec).filter((source) => !permitsSource(project, source)).map(({ repoURL }) => finding(itself, 'sourceRepos', `repository ${repoURL} is not permitted in project '${projectName}'`))
  if (!permitsDestination(project, destination)) return [...sources, finding(itself, 'destinations', `namespace ${destination.namespace ?? ''} of ${destination.server ?? destination.name ?? ''} is not permitted in project '${projectName}'`)]
  return [...sources, ...objects.flatMap((object) => {
    const { namespace } = object.metadata
    const { group } = parseApiVersion(object.apiVersion)
    if (!permitsKind(project, { group, kind: object.kind, namespaced: namespace !== undefined })) return [finding(object, 'kinds', `${group === '' ? '' : `${group}/`}${object.kind} is not permitted in project '${projectName}'`)]
    const isElsewhere = namespace !== undefined && namespace !== destination.namespace
    return isElsewhere && !permitsDestination(project, { ...destination, namespace }) ? [finding(object, 'destinations', `namespace ${namespace} is not permitted in project '${projectName}'`)] : []
  })]
}
