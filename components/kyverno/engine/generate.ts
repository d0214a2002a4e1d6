import type { AnyObject, Json, JsonObject } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import type { PolicyObject, Rule } from '../kinds/policy.ts'
import { rulesOf } from './autogen.ts'
import { conditionsHold } from './conditions.ts'
import { requestScope, withContext, type ContextSource, type ObjectReference, type Request } from './context.ts'
import { eachElement, type Foreach } from './foreach.ts'
import { isInScope, ruleMatches } from './match-resource.ts'
import { substitute, type Scope } from './variables.ts'
import type { Judgement } from './verdict.ts'

export type { ObjectReference } from './context.ts'

/** Where clones are copied from. */
export interface GenerationSource extends ContextSource { find(reference: ObjectReference): Promise<readonly AnyObject[]> }

/** One generate rule's outcome: what must be there. */
export interface GenerationResult extends Judgement { readonly rule: string; readonly objects: readonly AnyObject[]; readonly synchronize: boolean }

interface Target {
  readonly apiVersion?: string; readonly kind?: string; readonly name?: string; readonly namespace?: string; readonly data?: JsonObject
  readonly clone?: { readonly name?: string; readonly namespace?: string }
  readonly cloneList?: { readonly namespace?: string; readonly kinds?: readonly string[]; readonly selector?: JsonObject }
}

/** What the generate rules of a policy make of a resource: `data`, `clone`, `cloneList` and `foreach` of these. Pure but for the source. */
export async function generationResults(policy: PolicyObject, request: Request, source: GenerationSource): Promise<GenerationResult[]> {
  const results: GenerationResult[] = []
  if (!isInScope(policy, request.object)) return results
  for (const rule of rulesOf(policy)) {
    if (rule.generate === undefined || !ruleMatches(rule, request)) continue
    results.push({ rule: rule.name, synchronize: rule.generate.synchronize === true, ...(await runGenerate(policy, rule, request, source)) })
  }
  return results
}

async function runGenerate(policy: PolicyObject, rule: Rule, request: Request, source: GenerationSource): Promise<Judgement & { readonly objects: readonly AnyObject[] }> {
  try {
    const scope = await withContext(rule.context ?? [], requestScope(request, source.given?.(policy.metadata.name ?? '', rule.name, request.object)), source)
    if (!conditionsHold(rule.preconditions, scope, 'error')) return { verdict: 'skip', message: 'preconditions not met', objects: [] }
    const entries = rule.generate?.['foreach'] as readonly Foreach[] | undefined
    const objects: AnyObject[] = []
    if (entries === undefined) objects.push(...(await targets(rule.generate as Target, scope, source)))
    for (const entry of entries ?? []) {
      await eachElement(entry, scope, { source }, async (inner) => {
        objects.push(...(await targets(entry as Target, inner, source)))
        return undefined
      })
    }
    return { verdict: 'pass', message: 'resource generated', objects }
  } catch (error) {
    return { verdict: 'error', message: messageOf(error), objects: [] }
  }
}

async function targets(given: Target, scope: Scope, source: GenerationSource): Promise<AnyObject[]> {
  const { apiVersion = '', kind = '', name = '', namespace, data, clone, cloneList } = substitute(given as unknown as Json, scope) as unknown as Target
  const place = namespace === undefined || namespace === '' ? {} : { namespace }
  if (data !== undefined) return [{ ...data, apiVersion, kind, metadata: { ...(data['metadata'] as JsonObject | undefined), name, ...place } } as unknown as AnyObject]
  if (clone?.name !== undefined) {
    const [from] = await source.find({ apiVersion, kind, name: clone.name, ...(clone.namespace === undefined ? {} : { namespace: clone.namespace }) })
    if (from === undefined) throw new CodedError({ code: 'CloneSourceMissing', message: `source resource ${apiVersion} ${kind}/${clone.namespace ?? ''}/${clone.name} not found` })
    return [copyOf(from, { name, ...place })]
  }
  const copies: AnyObject[] = []
  for (const text of cloneList?.kinds ?? []) {
    const parts = text.split('/')
    const reference = { apiVersion: parts.slice(0, -1).join('/'), kind: parts.at(-1) ?? '', ...(cloneList?.namespace === undefined ? {} : { namespace: cloneList.namespace }), ...(cloneList?.selector === undefined ? {} : { selector: cloneList.selector }) }
    for (const from of await source.find(reference)) copies.push(copyOf(from, { name: from.metadata.name ?? '', ...place }))
  }
  return copies
}

/** A clone has the source's content and labels and none of what the API server keeps. */
function copyOf({ metadata, status: _status, ...rest }: AnyObject & { status?: unknown }, place: { readonly name: string; readonly namespace?: string }): AnyObject {
  const { labels, annotations } = metadata
  return { ...rest, metadata: { ...place, ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }) } } as AnyObject
}
