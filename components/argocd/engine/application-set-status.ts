import type { JsonObject } from '@idp/formats'
import type { Application } from '../kinds/application.ts'
import type { ApplicationSetCondition } from '../kinds/application-set.ts'
import type { GenerationError } from './generators/applications.ts'

/** An Application as a row of `status.resources`. */
export function resourceRow({ metadata, status }: Application): JsonObject {
  const health = status?.health === undefined ? {} : { health: { status: status.health.status ?? 'Unknown' } }
  return { group: 'argoproj.io', version: 'v1alpha1', kind: 'Application', namespace: metadata.namespace ?? '', name: metadata.name ?? '', ...(status?.sync === undefined ? {} : { status: status.sync.status }), ...health }
}

/** The three conditions that say how the last generation went. */
export function conditionsFor(failure: GenerationError | undefined): ApplicationSetCondition[] {
  if (failure === undefined) {
    const message = 'All applications have been generated successfully'
    return [
      { type: 'ErrorOccurred', status: 'False', reason: 'ApplicationSetUpToDate', message },
      { type: 'ParametersGenerated', status: 'True', reason: 'ParametersGenerated', message: 'Successfully generated parameters for all Applications' },
      { type: 'ResourcesUpToDate', status: 'True', reason: 'ApplicationSetUpToDate', message },
    ]
  }
  const { reason, message } = failure
  const generated = !['ApplicationGenerationFromParamsError', 'RenderTemplateParamsError'].includes(reason)
  return [
    { type: 'ErrorOccurred', status: 'True', reason, message },
    generated ? { type: 'ParametersGenerated', status: 'True', reason: 'ParametersGenerated', message: 'Successfully generated parameters for all Applications' } : { type: 'ParametersGenerated', status: 'False', reason: 'ErrorOccurred', message },
    { type: 'ResourcesUpToDate', status: 'False', reason, message },
  ]
}

/** Conditions that stay as they are keep their time. */
export function mergedConditions(old: readonly ApplicationSetCondition[] | undefined, next: readonly ApplicationSetCondition[], now: string): ApplicationSetCondition[] {
  return next.map((one) => {
    const same = old?.find((other) => other.type === one.type && other.status === one.status && other.reason === one.reason && other.message === one.message)
    return { ...one, lastTransitionTime: same?.lastTransitionTime ?? now }
  })
}
