import type { AnyObject } from '@idp/formats'
import type { ResourceTemplate } from '../kinds/workflow.ts'
import { nameIn } from './substitute.ts'
import type { Json } from '@idp/formats'

/** Whether a resource template has what it waits for: conditions are label selectors over fields (`status.succeeded > 0,status.phase != Lost`). */
export function resourceState({ successCondition = '', failureCondition = '' }: Pick<ResourceTemplate, 'successCondition' | 'failureCondition'>, object: AnyObject): 'succeeded' | 'failed' | 'waiting' {
  if (failureCondition !== '' && holds(failureCondition, object)) return 'failed'
  return successCondition === '' || holds(successCondition, object) ? 'succeeded' : 'waiting'
}

function holds(condition: string, object: AnyObject): boolean {
  return condition.split(',').every((part) => {
    const [, path = '', op, wanted = ''] = /^\s*([\w./-]+)\s*(?:(==|=|!=|>|<)\s*(\S+))?\s*$/.exec(part) ?? []
    const value = nameIn(object as unknown as Record<string, Json>, path)
    const text = value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value)
    if (op === undefined) return text !== undefined
    if (op === '>') return text !== undefined && Number(text) > Number(wanted)
    if (op === '<') return text !== undefined && Number(text) < Number(wanted)
    return op === '!=' ? text !== wanted : text === wanted
  })
}
