import { CustomResourceDefinition, isApiError, type Kind } from '@idp/api'
import type { Scope } from '@idp/controller'
import type { Condition } from '../kinds/external-secrets.ts'

interface TimedStatus { readonly conditions?: Condition[]; readonly refreshTime?: string }

/** Fits a status to the definition that is served. */
export interface StatusTimes { fit<S extends TimedStatus>(kind: Kind, status: S, scope: Pick<Scope, 'client'>): Promise<S> }

/**
 * Upstream's definitions have times as text. The stand-in chart's generated ones say `object` where the models package says Time, which refuses
 * every status with a time: there the times are left out, and the operator remembers them itself. With a right definition nothing is left out.
 */
export function createStatusTimes(): StatusTimes {
  const known = new Map<string, Promise<boolean>>()
  return {
    async fit(kind, status, { client }) {
      let accepted = known.get(kind.plural)
      if (accepted === undefined) {
        accepted = acceptsTimes(kind, client)
        known.set(kind.plural, accepted)
        accepted.catch(() => known.delete(kind.plural))
      }
      if (await accepted) return status
      const { refreshTime: _time, conditions, ...rest } = status
      return { ...rest, ...(conditions === undefined ? {} : { conditions: conditions.map(({ lastTransitionTime: _at, ...condition }) => condition) }) } as typeof status
    },
  }
}

async function acceptsTimes(kind: Kind, client: Scope['client']): Promise<boolean> {
  try {
    const { spec } = await client.get(CustomResourceDefinition, `${kind.plural}.${kind.group}`)
    const schema = spec.versions.find(({ name }) => name === kind.version)?.schema?.openAPIV3Schema as Schema | undefined
    return schema?.properties?.['status']?.properties?.['conditions']?.items?.properties?.['lastTransitionTime']?.type !== 'object'
  } catch (error) {
    // Upstream's role does not read definitions; upstream's definitions need no care.
    if (isApiError(error, 'Forbidden', 'NotFound')) return true
    throw error
  }
}

interface Schema { readonly type?: string; readonly properties?: Readonly<Record<string, Schema>>; readonly items?: Schema }
