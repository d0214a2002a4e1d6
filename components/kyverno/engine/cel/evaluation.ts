import { CelFault, CelOpaque, celToJson, jsonToCel, type CelProgram, type CelType, type CelValue } from '@idp/lang-cel'
import type { AnyObject, Json } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { Request } from '../context.ts'
import { compileException, type CompiledSpec } from './compile-policy.ts'
import type { GroupVersionResource } from './cel-source.ts'
import { clockOf, contextVariables } from './environment.ts'
import type { Run } from './run-context.ts'
import type { CelException } from '../../kinds/cel-policy.ts'

/** The most one expression may cost, as in Kubernetes. */
const costLimit = 10_000_000

/** Variables of a policy, each computed when an expression first asks for it. */
class LazyVariables extends CelOpaque {
  readonly celType: CelType
  readonly compute: (name: string) => CelValue | undefined
  readonly known = new Map<string, CelValue | undefined>()
  constructor(celType: CelType, compute: (name: string) => CelValue | undefined) {
    super()
    this.celType = celType
    this.compute = compute
  }
  override getField(name: string): CelValue | undefined {
    if (!this.known.has(name)) this.known.set(name, this.compute(name))
    return this.known.get(name)
  }
}

/** One evaluation of one spec: expressions see the request's data and each other's variables. */
export interface Evaluation {
  /** Throws CodedError `CelEvaluation` with the message of what went wrong. */
  value(program: CelProgram): CelValue
  json(program: CelProgram): Json
  /** Every condition holds. Those that fail with an error only count when none is false. */
  holds(conditions: readonly CelProgram[]): boolean
  /** The same with other data, e.g. an object as it is after a patch. */
  with(data: Readonly<Record<string, CelValue>>): Evaluation
}

export interface EvaluationData { readonly compiled: CompiledSpec; readonly run: Run; readonly data: Readonly<Record<string, CelValue>> }

export function evaluation({ compiled, run, data }: EvaluationData): Evaluation {
  const evaluate = (program: CelProgram): CelValue => {
    clockOf.now = run.source.now
    const outcome = program.run(bindings, { costLimit })
    if (outcome.error !== undefined) throw outcome.error
    return outcome.value
  }
  const variables = new LazyVariables(compiled.variablesType, (name) => {
    const program = compiled.variables.get(name)
    return program === undefined ? undefined : evaluate(program)
  })
  const bindings: Record<string, CelValue> = { ...contextVariables(run), ...data, variables }
  const coded = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw error instanceof CelFault ? new CodedError({ code: 'CelEvaluation', message: error.message }) : error
    }
  }
  return {
    value: (program) => coded(() => evaluate(program)),
    json: (program) => coded(() => celToJson(evaluate(program))),
    holds(conditions) {
      let failed: unknown
      for (const condition of conditions) {
        try {
          if (coded(() => evaluate(condition)) !== true) return false
        } catch (error) {
          if (!(error instanceof CodedError)) throw error
          failed ??= error
        }
      }
      if (failed !== undefined) throw failed
      return true
    },
    with: (more) => evaluation({ compiled, run, data: { ...data, ...more } }),
  }
}

/** What an exception makes of a policy: the exceptions that free the resource altogether, or what they allow of it. */
export interface Exempted { readonly exceptions: readonly CelException[]; readonly allowedImages: readonly string[]; readonly allowedValues: readonly string[] }

/** The exceptions among those for a policy whose conditions hold. */
export function exemptions(found: readonly CelException[], evaluated: Evaluation): Exempted {
  const matched = found.filter((exception) => evaluated.holds(compileException(exception)))
  const partial = ({ spec: { images = [], allowedValues = [] } }: CelException): boolean => images.length > 0 || allowedValues.length > 0
  if (matched.some((exception) => !partial(exception))) return { exceptions: matched, allowedImages: [], allowedValues: [] }
  return { exceptions: [], allowedImages: matched.flatMap(({ spec }) => spec.images ?? []), allowedValues: matched.flatMap(({ spec }) => spec.allowedValues ?? []) }
}

/** What expressions see of a request: `object`, `oldObject`, `request`, `namespaceObject`. */
export function requestData(request: Request, resource: GroupVersionResource, { compiled, run }: Omit<EvaluationData, 'data'>): Record<string, CelValue> {
  const { object, oldObject, operation = 'CREATE', user, asked } = request
  const deleting = operation === 'DELETE'
  const [group, version] = object.apiVersion?.includes('/') === true ? object.apiVersion.split('/') : ['', object.apiVersion ?? '']
  const kind = { group: group ?? '', version: version ?? '', kind: object.kind }
  const { name = '', namespace } = object.metadata
  const [present, old] = [deleting ? null : jsonToCel(object as unknown as Json), oldObject === undefined && !deleting ? null : jsonToCel((oldObject ?? object) as unknown as Json)]
  return {
    object: present, oldObject: old, images: {}, params: null, exceptions: { allowedImages: [], allowedValues: [] },
    request: {
      uid: asked?.uid ?? '', kind, requestKind: kind, resource: { ...resource }, requestResource: { ...resource }, subResource: asked?.subresource ?? '', requestSubResource: asked?.subresource ?? '', name: asked?.name ?? name, namespace: namespace ?? '', operation, dryRun: asked?.dryRun ?? false,
      userInfo: { username: user?.username ?? '', groups: [...(user?.groups ?? [])], uid: '', extra: {} }, object: present, oldObject: old,
    },
    namespaceObject: compiled.usesNamespace ? namespaceOf(object, request, run) : null,
  }
}

function namespaceOf(object: AnyObject, request: Request, run: Run): CelValue {
  const { namespace } = object.metadata
  if (namespace === undefined) return null
  const found = run.lookups.ask(`namespace ${namespace}`, async () => jsonToCel((await run.source.namespace(namespace)) ?? null))
  return found ?? { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'kubernetes.io/metadata.name': namespace, ...request.namespaceLabels } } }
}
