import { deepEqual, type JsonObject, type LabelSelector, matchesLabelSelector } from '@idp/formats'
import { Checker, child, immutable, items } from './checker.ts'
import { notSupported } from './field-error.ts'
import { checkAnnotations, checkLabels, checkSelector } from './metadata.ts'
import { dns1123Subdomain } from './names.ts'
import { checkClaimSpec, checkPodSpec } from './pod.ts'

const specOf = (object: JsonObject) => child(object, 'spec') ?? {}

function checkTemplate(check: Checker, template: JsonObject | undefined, path: string): void {
  checkLabels(check, child(template, 'metadata', 'labels'), `${path}.metadata.labels`)
  checkAnnotations(check, child(template, 'metadata', 'annotations'), `${path}.metadata.annotations`)
  checkPodSpec(check, child(template, 'spec') ?? {}, `${path}.spec`)
}

/** Selector and template of a workload whose pods are always restarted. */
function checkSelected(check: Checker, spec: JsonObject, kind: string): void {
  const selector = child(spec, 'selector')
  if (!selector) check.required('spec.selector')
  else {
    checkSelector(check, selector, 'spec.selector')
    if (Object.keys(child(selector, 'matchLabels') ?? {}).length + items(selector, 'matchExpressions').length === 0) check.invalid('spec.selector', selector, `empty selector is invalid for ${kind}`)
  }
  const template = child(spec, 'template')
  checkTemplate(check, template, 'spec.template')
  const labels = child(template, 'metadata', 'labels') ?? {}
  checkMatches(check, selector, labels)
  const policy = child(template, 'spec')?.restartPolicy
  if (policy !== undefined && policy !== 'Always') check.add(notSupported('spec.template.spec.restartPolicy', policy, ['Always']))
}

function checkMatches(check: Checker, selector: JsonObject | undefined, labels: JsonObject): void {
  // A selector that is itself wrong has been reported; it selects nothing.
  if (!selector || check.errors.some(({ field }) => field.startsWith('spec.selector.'))) return
  if (!matchesLabelSelector(selector as LabelSelector, labels as Record<string, string>)) check.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')
}

const percent = /^[0-9]+%$/

function checkIntOrPercent(check: Checker, object: JsonObject | undefined, path: string, field: string): void {
  const value = object?.[field]
  if (typeof value === 'string' && !percent.test(value)) check.invalid(`${path}.${field}`, value, "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')")
  check.notNegative(object, path, field)
}

const isZero = (value: unknown) => value === 0 || value === '0%'

export function checkDeployment(check: Checker, object: JsonObject): void {
  const spec = specOf(object)
  check.notNegative(spec, 'spec', 'replicas', 'minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds')
  checkSelected(check, spec, 'deployment')
  const strategy = child(spec, 'strategy')
  const rolling = child(strategy, 'rollingUpdate')
  if (strategy) check.oneOf(strategy, 'spec.strategy', 'type', ['Recreate', 'RollingUpdate'])
  if (strategy?.type === 'Recreate' && rolling) check.forbidden('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'")
  if (strategy?.type === 'RollingUpdate') {
    for (const field of ['maxUnavailable', 'maxSurge']) checkIntOrPercent(check, rolling, 'spec.strategy.rollingUpdate', field)
    if (isZero(rolling?.maxUnavailable) && isZero(rolling?.maxSurge)) check.invalid('spec.strategy.rollingUpdate.maxUnavailable', rolling?.maxUnavailable, 'may not be 0 when `maxSurge` is 0')
  }
  if (typeof spec.progressDeadlineSeconds === 'number' && spec.progressDeadlineSeconds <= Number(spec.minReadySeconds ?? 0)) check.invalid('spec.progressDeadlineSeconds', spec.progressDeadlineSeconds, 'must be greater than minReadySeconds')
}

export function checkReplicaSet(check: Checker, object: JsonObject): void {
  const spec = specOf(object)
  check.notNegative(spec, 'spec', 'replicas', 'minReadySeconds')
  checkSelected(check, spec, 'replicaset')
}

export function checkDaemonSet(check: Checker, object: JsonObject): void {
  const spec = specOf(object)
  check.notNegative(spec, 'spec', 'minReadySeconds', 'revisionHistoryLimit')
  checkSelected(check, spec, 'daemonset')
  const strategy = child(spec, 'updateStrategy')
  if (strategy) check.oneOf(strategy, 'spec.updateStrategy', 'type', ['OnDelete', 'RollingUpdate'])
  const rolling = child(strategy, 'rollingUpdate')
  for (const field of ['maxUnavailable', 'maxSurge']) checkIntOrPercent(check, rolling, 'spec.updateStrategy.rollingUpdate', field)
  if (rolling && isZero(rolling.maxUnavailable) && isZero(rolling.maxSurge)) check.required('spec.updateStrategy.rollingUpdate.maxUnavailable', 'cannot be 0 when maxSurge is 0')
}

/** A selector never changes once an object has it. */
export function checkSelectorUpdate(check: Checker, object: JsonObject, old: JsonObject): void {
  check.immutable(specOf(object), specOf(old), 'spec', 'selector', immutable)
}

export function checkStatefulSet(check: Checker, object: JsonObject): void {
  const spec = specOf(object)
  check.notNegative(spec, 'spec', 'replicas', 'minReadySeconds', 'revisionHistoryLimit')
  check.oneOf(spec, 'spec', 'podManagementPolicy', ['OrderedReady', 'Parallel'])
  checkSelected(check, withClaimVolumes(spec), 'statefulset')
  const strategy = child(spec, 'updateStrategy')
  if (strategy) check.oneOf(strategy, 'spec.updateStrategy', 'type', ['RollingUpdate', 'OnDelete'])
  check.notNegative(child(strategy, 'rollingUpdate'), 'spec.updateStrategy.rollingUpdate', 'partition')
  for (const [index, claim] of items(spec, 'volumeClaimTemplates').entries()) checkClaimSpec(check, child(claim, 'spec') ?? {}, `spec.volumeClaimTemplates[${index}].spec`)
}

/** The volumes that the controller will add to each pod, one per claim template, are there for containers to mount. */
function withClaimVolumes(spec: JsonObject): JsonObject {
  const template = child(spec, 'template')
  const pod = child(template, 'spec')
  const claims = items(spec, 'volumeClaimTemplates').map((claim) => child(claim, 'metadata')?.name).filter((name) => typeof name === 'string')
  const own = items(pod, 'volumes').filter((volume) => typeof volume === 'object' && volume !== null && !claims.includes((volume as JsonObject).name as string))
  if (template === undefined || pod === undefined || claims.length === 0) return spec
  return { ...spec, template: { ...template, spec: { ...pod, volumes: [...own, ...claims.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }))] } } }
}

const statefulSetMayChange = ['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy', 'minReadySeconds']

export function checkStatefulSetUpdate(check: Checker, object: JsonObject, old: JsonObject): void {
  const rest = (spec: JsonObject) => Object.fromEntries(Object.entries(spec).filter(([field]) => !statefulSetMayChange.includes(field)))
  if (deepEqual(rest(specOf(object)), rest(specOf(old)))) return
  const names = statefulSetMayChange.map((name) => `'${name}'`)
  check.forbidden('spec', `updates to statefulset spec for fields other than ${names.slice(0, -1).join(', ')} and ${names.at(-1)} are forbidden`)
}

function checkJobSpec(check: Checker, spec: JsonObject, path: string): void {
  check.notNegative(spec, path, 'parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished')
  check.oneOf(spec, path, 'completionMode', ['NonIndexed', 'Indexed'])
  if (spec.completionMode === 'Indexed' && spec.completions === undefined) check.required(`${path}.completions`, 'when completion mode is Indexed')
  checkTemplate(check, child(spec, 'template'), `${path}.template`)
  const policy = child(spec, 'template', 'spec')?.restartPolicy
  if (policy === undefined || policy === 'Always') check.required(`${path}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"')
}

/** A Job after its selector was generated. */
export function checkJob(check: Checker, object: JsonObject): void {
  const spec = specOf(object)
  checkJobSpec(check, spec, 'spec')
  const selector = child(spec, 'selector')
  if (!selector) check.required('spec.selector')
  const labels = child(spec, 'template', 'metadata', 'labels') ?? {}
  if (selector) checkSelector(check, selector, 'spec.selector')
  checkMatches(check, selector, labels)
}

export function checkJobUpdate(check: Checker, object: JsonObject, old: JsonObject): void {
  const spec = specOf(object)
  const before = specOf(old)
  const template = { ...child(spec, 'template') }
  const templateBefore = { ...child(before, 'template') }
  if (before.suspend === true && child(old, 'status')?.startTime === undefined) {
    // A Job that has not started may still be steered to other nodes.
    for (const side of [template, templateBefore]) {
      const pod = { ...child(side, 'spec') }
      for (const field of ['nodeSelector', 'tolerations', 'affinity', 'schedulingGates']) delete pod[field]
      delete side.metadata
      side.spec = pod
    }
  }
  if (!deepEqual(template, templateBefore)) check.invalid('spec.template', child(spec, 'template'), immutable)
  const fields = ['selector', 'podFailurePolicy', 'completionMode', 'backoffLimitPerIndex', 'managedBy', 'successPolicy', ...(before.completionMode === 'Indexed' ? [] : ['completions'])]
  for (const field of fields) check.immutable(spec, before, 'spec', field, immutable)
}

/** The five fields of a cron schedule, or one of its short forms. */
export function scheduleProblem(schedule: string): string | undefined {
  const text = schedule.trim()
  if (/^TZ=|^CRON_TZ=/.test(text)) return 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'
  if (/^@(yearly|annually|monthly|weekly|daily|midnight|hourly|every \S+)$/.test(text)) return undefined
  const fields = text.split(/\s+/)
  if (fields.length !== 5) return `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`
  const ranges = [[0, 59], [0, 23], [1, 31], [1, 12], [0, 7]] as const
  for (const [index, field] of fields.entries()) {
    const [low, high] = ranges[index] ?? [0, 0]
    for (const part of field.split(',')) {
      const match = /^(\*|\?|\d+|[A-Za-z]{3})(?:-(\d+|[A-Za-z]{3}))?(?:\/(\d+))?$/.exec(part)
      if (!match) return `failed to parse int from ${part}: strconv.Atoi: parsing ${JSON.stringify(part)}: invalid syntax`
      for (const number of [match[1], match[2]].filter((one) => one !== undefined && /^\d+$/.test(one)).map(Number)) {
        if (number < low) return `beginning of range (${number}) below minimum (${low}): ${part}`
        if (number > high) return `end of range (${number}) above maximum (${high}): ${part}`
      }
    }
  }
  return undefined
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

export function checkCronJob(check: Checker, object: JsonObject): void {
  const spec = specOf(object)
  const schedule = check.text(spec, 'spec', 'schedule')
  const problem = schedule === undefined ? undefined : scheduleProblem(schedule)
  if (problem !== undefined) check.invalid('spec.schedule', schedule, problem)
  if (typeof spec.timeZone === 'string' && !isTimeZone(spec.timeZone)) check.invalid('spec.timeZone', spec.timeZone, `unknown time zone ${spec.timeZone}`)
  check.notNegative(spec, 'spec', 'startingDeadlineSeconds', 'successfulJobsHistoryLimit', 'failedJobsHistoryLimit')
  check.oneOf(spec, 'spec', 'concurrencyPolicy', ['Allow', 'Forbid', 'Replace'])
  checkJobSpec(check, child(spec, 'jobTemplate', 'spec') ?? {}, 'spec.jobTemplate.spec')
  const name = child(object, 'metadata')?.name
  if (typeof name === 'string' && name.length > 52) check.invalid('metadata.name', name, 'must be no more than 52 characters')
}

export function checkReplicationController(check: Checker, object: JsonObject): void {
  const spec = specOf(object)
  check.notNegative(spec, 'spec', 'replicas', 'minReadySeconds')
  if (Object.keys(child(spec, 'selector') ?? {}).length === 0) check.required('spec.selector')
  checkTemplate(check, child(spec, 'template'), 'spec.template')
}

export function checkAutoscaler(check: Checker, object: JsonObject): void {
  const spec = specOf(object)
  const max = Number(spec.maxReplicas ?? 0)
  if (typeof spec.minReplicas === 'number' && spec.minReplicas < 1) check.invalid('spec.minReplicas', spec.minReplicas, 'must be greater than or equal to 1')
  if (max < 1) check.invalid('spec.maxReplicas', max, 'must be greater than 0')
  if (typeof spec.minReplicas === 'number' && max < spec.minReplicas) check.invalid('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`')
  const target = child(spec, 'scaleTargetRef') ?? {}
  check.text(target, 'spec.scaleTargetRef', 'kind')
  const name = check.text(target, 'spec.scaleTargetRef', 'name')
  if (name !== undefined) check.name('spec.scaleTargetRef.name', name, dns1123Subdomain)
}

export function checkDisruptionBudget(check: Checker, object: JsonObject): void {
  const spec = specOf(object)
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) check.invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set')
  for (const field of ['minAvailable', 'maxUnavailable']) checkIntOrPercent(check, spec, 'spec', field)
  checkSelector(check, child(spec, 'selector'), 'spec.selector')
}
