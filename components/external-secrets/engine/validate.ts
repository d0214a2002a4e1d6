import { parseGoDuration } from './go-duration.ts'
import type { ExternalSecret, Store } from '../kinds/external-secrets.ts'
import type { Provider } from '../providers/provider.ts'

/** What upstream's webhook refuses of an ExternalSecret; empty when it is well. */
export function validateExternalSecret({ spec }: ExternalSecret): string[] {
  const faults: string[] = []
  const { deletionPolicy, creationPolicy = 'Owner', template } = spec.target ?? {}
  if (deletionPolicy === 'Delete' && (creationPolicy === 'Merge' || creationPolicy === 'None')) faults.push('deletionPolicy=Delete must not be used when the controller doesn\'t own the secret. Please set creationPolicy=Owner')
  if (deletionPolicy === 'Merge' && creationPolicy === 'None') faults.push('deletionPolicy=Merge must not be used with creationPolicy=None. There is no Secret to merge with')
  if ((spec.data ?? []).length === 0 && (spec.dataFrom ?? []).length === 0) faults.push('either data or dataFrom should be specified')
  for (const { find, extract, sourceRef } of spec.dataFrom ?? []) {
    const generator = sourceRef?.generatorRef !== undefined
    if (find !== undefined && (extract !== undefined || generator)) faults.push(extract !== undefined ? 'extract, find, or generatorRef cannot be set at the same time' : 'find or generatorRef cannot be set at the same time')
    else if (extract !== undefined && generator) faults.push('extract or generatorRef cannot be set at the same time')
    else if (find === undefined && extract === undefined && !generator) faults.push('either extract, find, or sourceRef must be set to dataFrom')
    if (generator && sourceRef.storeRef !== undefined) faults.push('generatorRef or storeRef must be set when using sourceRef in dataFrom')
  }
  const keys = (spec.data ?? []).map(({ secretKey }) => secretKey)
  for (const key of new Set(keys.filter((each, index) => keys.indexOf(each) !== index))) faults.push(`duplicate secretKey found: ${key}`)
  if (spec.refreshInterval !== undefined && parseGoDuration(spec.refreshInterval) === undefined) faults.push(`spec.refreshInterval: ${JSON.stringify(spec.refreshInterval)} is no duration`)
  if (template?.engineVersion !== undefined && !['', 'v2'].includes(template.engineVersion)) faults.push(`spec.target.template.engineVersion: ${template.engineVersion} is not supported`)
  return faults
}

/** What upstream's webhook refuses of a store. Providers that the stand-in does not have pass, and are refused by name in the store's condition. */
export function validateStore(store: Store, providers: ReadonlyMap<string, Provider>): string[] {
  const named = Object.keys(store.spec.provider ?? {})
  if (named.length !== 1) return [`secret stores must only have exactly one backend specified, found ${named.length}`]
  for (const { namespaceRegexes } of store.spec.conditions ?? []) {
    for (const [index, pattern] of (namespaceRegexes ?? []).entries()) {
      try {
        new RegExp(pattern)
      } catch {
        return [`failed to compile ${index}th namespace regex in 0th condition: ${JSON.stringify(pattern)} is no regular expression`]
      }
    }
  }
  const fault = providers.get(named[0] ?? '')?.fault(store)
  return fault === undefined || /not supported by this stand-in/.test(fault) ? [] : [fault]
}
