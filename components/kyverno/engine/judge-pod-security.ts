import type { AnyObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { Rule } from '../kinds/policy.ts'
import type { Judgement } from './verdict.ts'
export interface PodSecurityRule { readonly level: string; readonly version?: string; readonly exclude?: readonly unknown[] }
export function judgePodSecurity(rule: Rule, _asked: PodSecurityRule, _object: AnyObject, _message: string): Judgement {
  throw new CodedError({ code: 'Unsupported', message: 'validate.podSecurity is not supported by this engine', where: rule.name })
}
