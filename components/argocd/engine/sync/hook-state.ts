import type { AnyObject } from '@idp/formats'
import type { OperationPhase } from '../../kinds/application.ts'
import { healthOf } from '../health/health-of.ts'

/** How far a hook is: kinds without health have succeeded as soon as they exist. */
export function hookState(live: AnyObject): { readonly phase: OperationPhase; readonly message?: string } {
  const health = healthOf(live)
  if (live.metadata.deletionTimestamp !== undefined) return { phase: 'Running', message: 'Pending deletion' }
  const message = health?.message === undefined ? {} : { message: health.message }
  if (health === undefined || health.status === 'Healthy') return { phase: 'Succeeded', ...message }
  return { phase: health.status === 'Degraded' ? 'Failed' : health.status === 'Unknown' ? 'Error' : 'Running', ...message }
}
