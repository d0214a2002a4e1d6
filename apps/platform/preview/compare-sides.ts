import { deepEqual, type AnyObject, type JsonObject } from '@idp/formats'
import { keyText, objectKey } from '../../../components/argocd/engine/object-key.ts'
import { optionSet, syncOptionsOf } from '../../../components/argocd/engine/sync/annotations.ts'
import type { ApiRules } from './api-rules.ts'
import { fieldChanges, referenceOf } from './field-changes.ts'
import type { ApplicationChange, ObjectChange } from './preview-model.ts'
import { objectsOf, type Side, type SideApplication } from './side.ts'

/** What happens to each Application and its objects when the cluster goes from one commit to the other. Applications without a change are left out. */
export function compareSides(base: Side, head: Side, rules: ApiRules): ApplicationChange[] {
  const owners = new Map(objectsOf(head).map(({ application, object }) => [keyOf(object), application]))
  const before = new Map(objectsOf(base).map(({ application, object }) => [keyOf(object), { application, object }]))
  const names = [...new Set([...base.applications.keys(), ...head.applications.keys()])].sort()
  return names.flatMap((name) => {
    const [old, wanted] = [base.applications.get(name), head.applications.get(name)]
    if (wanted === undefined) return old === undefined ? [] : [vanished(old, owners)]
    const change = changeOf(old, wanted, { owners, before, rules })
    const isSame = old !== undefined && change.problem === undefined && change.spec.length === 0 && change.objects.length === 0
    return isSame ? [] : [change]
  })
}

interface Context { readonly owners: ReadonlyMap<string, string>; readonly before: ReadonlyMap<string, { readonly application: string; readonly object: AnyObject }>; readonly rules: ApiRules }

export const keyOf = (object: AnyObject): string => keyText(objectKey(object))

function changeOf(old: SideApplication | undefined, wanted: SideApplication, { owners, before, rules }: Context): ApplicationChange {
  const { name, madeBy, problem } = wanted
  const spec = old === undefined ? [] : fieldChanges(old.application.spec as unknown as JsonObject, wanted.application.spec as unknown as JsonObject)
  // What cannot be rendered changes nothing: Argo CD leaves everything as it is.
  if (problem !== undefined) return { name, verdict: 'broken', madeBy, spec, objects: [], problem }
  const present = new Set(wanted.objects.map(keyOf))
  const objects = [
    ...wanted.objects.flatMap((object) => objectChange(object, before.get(keyOf(object)), { application: wanted, rules })),
    ...(old?.objects ?? []).filter((object) => !present.has(keyOf(object))).map((object) => removed(object, { owners, keeps: pruneProblem(wanted) })),
  ]
  return { name, verdict: old === undefined ? 'appears' : 'changes', madeBy, spec, objects }
}

interface Wanted { readonly application: SideApplication; readonly rules: ApiRules }

function objectChange(object: AnyObject, known: { readonly application: string; readonly object: AnyObject } | undefined, { application, rules }: Wanted): ObjectChange[] {
  if (known !== undefined && (known.object === object || deepEqual(known.object, object))) return []
  const fields = known === undefined ? undefined : fieldChanges(known.object, object)
  const note = known !== undefined && known.application !== application.name ? `comes from ${known.application}` : undefined
  if (fields?.length === 0 && note === undefined) return []
  const refused = rules.refusals(object, known?.object)
  const options = new Set([...syncOptionsOf(object), ...optionSet(application.application.spec.syncPolicy?.syncOptions ?? [])])
  const base = { object: referenceOf(object), action: known === undefined ? 'created' as const : 'changed' as const, ...(fields === undefined ? {} : { fields }), ...(note === undefined ? {} : { note }) }
  if (refused.length === 0) return [base]
  // An update that is refused is no obstacle where Argo CD may delete and create again, provided that the new object is valid by itself.
  const recreates = known !== undefined && options.has('Force=true') && options.has('Replace=true') && rules.refusals(object).length === 0
  return [recreates ? { ...base, recreated: refused.join('; ') } : { ...base, refused }]
}

/** Why an Application does not prune, if it does not. */
function pruneProblem({ application }: SideApplication): string | undefined {
  const automated = application.spec.syncPolicy?.automated
  if (automated === undefined) return 'the Application does not sync by itself'
  return automated.prune === true ? undefined : 'syncPolicy.automated.prune is not set'
}

interface Removal { readonly owners: ReadonlyMap<string, string>; readonly keeps: string | undefined }

function removed(object: AnyObject, { owners, keeps }: Removal): ObjectChange {
  const reference = referenceOf(object)
  const owner = owners.get(keyOf(object))
  if (owner !== undefined) return { object: reference, action: 'moved', note: `goes to ${owner}` }
  const options = syncOptionsOf(object)
  const reason = options.has('Prune=false') || options.has('Delete=false') ? `its annotation says ${options.has('Prune=false') ? 'Prune=false' : 'Delete=false'}` : keeps
  return reason === undefined ? { object: reference, action: 'pruned' } : { object: reference, action: 'kept', note: reason }
}

function vanished({ name, madeBy, application, preserved, objects }: SideApplication, owners: ReadonlyMap<string, string>): ApplicationChange {
  const cascades = (application.metadata.finalizers ?? []).some((one) => one.startsWith('resources-finalizer.argocd.argoproj.io'))
  const keeps = cascades && !preserved ? undefined : preserved ? 'its set preserves resources on deletion' : 'the Application has no finalizer that deletes its resources'
  return { name, verdict: 'vanishes', madeBy, spec: [], objects: objects.map((object) => removed(object, { owners, keeps })) }
}
