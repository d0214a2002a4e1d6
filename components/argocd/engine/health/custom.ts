import type { AnyObject } from '@idp/formats'
import { conditionsOf, fields, isObserved, rows, statusOf, verdict, type Condition, type HealthCheck, type Verdict } from './verdict.ts'

/** Healthy while the condition is True, Degraded while it is False, else Progressing with `waiting`. */
export function byCondition(type: string, waiting: string): HealthCheck {
  return (object) => {
    const found = conditionsOf(object).find((one) => one.type === type && (one.status === 'True' || one.status === 'False'))
    return found === undefined ? verdict('Progressing', waiting) : verdict(found.status === 'True' ? 'Healthy' : 'Degraded', found.message)
  }
}

export const certificate: HealthCheck = (object) => {
  const issuing = conditionsOf(object).find((one) => one.type === 'Issuing' && one.status === 'True')
  return issuing === undefined ? byCondition('Ready', 'Waiting for certificate')(object) : verdict('Progressing', issuing.message)
}

export const workflow: HealthCheck = (object) => {
  const { phase, message } = statusOf(object)
  const text = typeof message === 'string' ? message : undefined
  switch (phase) {
    case undefined: case '': case 'Pending': case 'Running': return verdict('Progressing', text)
    case 'Succeeded': return verdict('Healthy', text)
    case 'Failed': case 'Error': return verdict('Degraded', text)
    default: return verdict('Unknown', text)
  }
}

export const cronWorkflow: HealthCheck = (object) => {
  const bad = conditionsOf(object).find((one) => (one.type === 'SpecError' || one.type === 'SubmissionError') && one.status === 'True')
  return bad === undefined ? verdict('Healthy', 'CronWorkflow is healthy.') : verdict('Degraded', bad.message)
}

export const eventBus: HealthCheck = (object) => {
  const deployed = conditionsOf(object).find((one) => one.type === 'Deployed' && (one.status === 'True' || one.status === 'False'))
  if (deployed === undefined) return verdict('Progressing', 'Waiting for initialization')
  return verdict(deployed.status === 'True' ? 'Healthy' : 'Degraded', deployed.message ?? deployed.reason)
}

/** An Application as a resource of another one (app of apps): its own verdict. */
export const application: HealthCheck = (object) => {
  const { status, message } = fields(statusOf(object)['health'])
  return typeof status === 'string' ? verdict(status as Verdict['status'], typeof message === 'string' ? message : undefined) : verdict('Progressing', 'Waiting for the health to be assessed')
}

export const applicationSet: HealthCheck = (object) => {
  const conditions = conditionsOf(object)
  const with_ = (type: string, status: string): Condition | undefined => conditions.find((one) => one.type === type && one.status === status)
  const bad = with_('ErrorOccurred', 'True') ?? with_('ResourcesUpToDate', 'False')
  if (bad !== undefined) return verdict('Degraded', bad.message)
  const rolling = with_('RolloutProgressing', 'True')
  if (rolling !== undefined) return verdict('Progressing', rolling.message)
  const good = with_('ResourcesUpToDate', 'True')
  return good === undefined ? verdict('Progressing', 'Waiting for the status to be reported') : verdict('Healthy', good.message)
}

/** Kyverno's policies: the controller says Ready when the policy is in force. Before it has said anything there is no verdict, as upstream has it for ClusterPolicy. */
export const kyvernoPolicy: HealthCheck = (object) => {
  const ready = conditionsOf(object).find((one) => one.type === 'Ready')
  if (ready === undefined) return undefined
  if (ready.status === 'True') return verdict('Healthy', ready.message)
  return verdict(ready.reason === 'Failed' ? 'Degraded' : 'Progressing', ready.message ?? 'Waiting for the policy to be ready')
}

/** The monitoring operator's Prometheus and Alertmanager. */
export const availableByOperator: HealthCheck = (object) => {
  const available = conditionsOf(object).find((one) => one.type === 'Available')
  if (available === undefined) return verdict('Progressing', 'Waiting for initialization')
  if (available.status === 'True') return verdict('Healthy', 'All instances are available')
  return verdict(available.reason === 'SomePodsNotReady' ? 'Progressing' : 'Degraded', available.message ?? available.reason)
}

export const gatewayClass: HealthCheck = (object) => {
  const accepted = conditionsOf(object).find((one) => one.type === 'Accepted' && isCurrent(one, object))
  if (accepted?.status === 'True') return verdict('Healthy', accepted.message ?? 'GatewayClass is accepted')
  if (accepted?.status === 'False') return verdict('Degraded', accepted.message ?? 'GatewayClass is not accepted')
  return verdict('Progressing', accepted?.message ?? 'Waiting for GatewayClass status')
}

export const gateway: HealthCheck = (object) => {
  const own = conditionsOf(object)
  const listeners = rows<{ conditions?: Condition[] }>(statusOf(object)['listeners']).map((one) => one.conditions ?? [])
  if (own.length === 0) return verdict('Progressing', 'Waiting for Gateway status')
  return judged([own, ...listeners], (at) => (at === 0 ? '' : 'Listener: ')) ?? verdict('Healthy', 'Gateway is healthy')
}

export const route: HealthCheck = (object) => {
  const parents = rows<{ parentRef?: { name?: string }; conditions?: Condition[] }>(statusOf(object)['parents'])
    .filter((parent) => (parent.conditions ?? []).length > 0 && (parent.conditions ?? []).every((one) => isCurrent(one, object)))
  if (parents.length === 0) return verdict('Progressing', `Waiting for ${object.kind} status`)
  return judged(parents.map((one) => one.conditions ?? []), (at) => `Parent ${parents[at]?.parentRef?.name ?? ''}: `) ?? verdict('Healthy', `${object.kind} is healthy`)
}

/** The Gateway API's rule: a refused reference or acceptance is Degraded, not yet programmed is Progressing. */
function judged(groups: readonly (readonly Condition[])[], prefix: (group: number) => string): Verdict | undefined {
  for (const [at, conditions] of groups.entries()) {
    const refused = conditions.find((one) => one.type === 'ResolvedRefs' && one.status === 'False') ?? conditions.find((one) => one.type === 'Accepted' && one.status === 'False')
    if (refused !== undefined) return verdict('Degraded', prefix(at) + (refused.message ?? `Failed condition: ${refused.type ?? ''}`))
    const waiting = conditions.find((one) => one.type === 'Programmed' && one.status !== 'True')
    if (waiting !== undefined) return verdict('Progressing', prefix(at) + (waiting.message ?? 'still being programmed'))
  }
  return undefined
}

function isCurrent(condition: Condition, object: AnyObject): boolean {
  return condition.observedGeneration === undefined || object.metadata.generation === undefined || condition.observedGeneration === object.metadata.generation
}

/** For kinds whose controller reports only that it has seen the newest spec. */
export const observed: HealthCheck = (object) => (isObserved(object) ? verdict('Healthy') : verdict('Progressing', 'Waiting for the change to be observed'))
