import { matchesWildcard } from '@idp/lang-jmespath'
import { CodedError } from '@idp/kit'
import type { TestOptions } from '../../../components/kyverno/engine/policy-test.ts'

/** Reads `policy=P,rule=R,resource=X`, each with wildcards, any of them left out. A selector of resources replaces those that a result names. Throws CodedError `InvalidSelector`. */
export function parseSelector(text: string): TestOptions {
  const parts = text.split(',').filter((part) => part.trim() !== '').map((part) => {
    const [key = '', value, ...more] = part.split('=').map((one) => one.trim())
    if (value === undefined || more.length > 0) throw invalid(part, 'is not of the form <key>=<value>')
    if (!['policy', 'rule', 'resource'].includes(key)) throw invalid(part, 'selects by something else than policy, rule or resource')
    return { key, value }
  })
  const patterns = (key: string): string[] => parts.flatMap((part) => (part.key === key ? [part.value] : []))
  const [policies, rules, resources] = [patterns('policy'), patterns('rule'), patterns('resource')]
  const chosen = resources.includes('*') ? [] : resources
  return {
    select: ({ policy, rule, resources: named }) => policies.every((one) => policy === '' || matchesWildcard(one, policy)) && rules.every((one) => rule === '' || matchesWildcard(one, rule))
      && resources.every((one) => named.length === 0 || named.some((name) => matchesWildcard(one, name))),
    ...(chosen.length === 0 ? {} : { resources: chosen }),
  }
}

function invalid(part: string, problem: string): CodedError {
  return new CodedError({ code: 'InvalidSelector', message: `'${part}' ${problem}`, where: '--test-case-selector', remedy: 'Write policy=NAME,rule=NAME,resource=NAME; wildcards are allowed' })
}
