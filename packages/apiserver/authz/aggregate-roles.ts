import type { ClusterRole } from '@idp/api'
import { matchesLabelSelector, type AnyObject, type LabelSelector } from '@idp/formats'
import { equalJson } from '../json-value.ts'
import type { Resource } from '../resource.ts'
import type { ServerContext } from '../server-context.ts'
import type { PolicyRule } from './policy-rule.ts'

/** Keeps the rules of aggregated ClusterRoles equal to the sum of the roles they select. Returns when the present ones are right. */
export async function aggregateRoles({ storage, log }: Pick<ServerContext, 'storage' | 'log'>, clusterRoles: Resource): Promise<void> {
  /** By which some role is aggregated; read again after a change. */
  let selectors: readonly LabelSelector[] | undefined
  const isSelected = (role: AnyObject | undefined): boolean => {
    selectors ??= (storage.list(clusterRoles) as unknown as ClusterRole[]).flatMap(({ aggregationRule }) => (aggregationRule?.clusterRoleSelectors ?? []) as LabelSelector[])
    return role !== undefined && selectors.some((selector) => matchesLabelSelector(selector, role.metadata.labels ?? {}))
  }
  let running: Promise<void> | undefined
  let again = false
  const pass = async () => {
    const roles = storage.list(clusterRoles) as unknown as ClusterRole[]
    for (const role of roles) {
      const selectors = role.aggregationRule?.clusterRoleSelectors
      if (selectors === undefined) continue
      const rules = new Map<string, PolicyRule>()
      for (const other of roles) {
        if (other.metadata.name === role.metadata.name || !selectors.some((selector) => matchesLabelSelector(selector as LabelSelector, other.metadata.labels ?? {}))) continue
        for (const rule of other.rules ?? []) rules.set(JSON.stringify(rule), rule)
      }
      const sum = [...rules.values()]
      if (equalJson(sum, role.rules ?? [])) continue
      const entry = storage.entry(clusterRoles, { name: role.metadata.name ?? '' })
      if (entry !== undefined) await storage.replace(clusterRoles, entry, { ...storage.codec.object(entry), rules: sum })
    }
  }
  const run = (): Promise<void> => (running ??= (async () => {
    do {
      again = false
      await pass()
    } while (again)
  })().finally(() => (running = undefined)))
  storage.onWrite(({ resource, before, after }) => {
    if (resource.prefix !== clusterRoles.prefix || ![before, after].some(takesPart)) return
    if (after?.['aggregationRule'] !== undefined || before?.['aggregationRule'] !== undefined) selectors = undefined
    else if (![before, after].some(isSelected)) return
    again = true
    run().catch((error: unknown) => log.error('cluster roles are not aggregated', { error }))
  })
  await run()
}

/** Most ClusterRoles neither aggregate nor carry a label that an aggregation could select. */
function takesPart(role: AnyObject | undefined): boolean {
  return role !== undefined && (role['aggregationRule'] !== undefined || Object.keys(role.metadata.labels ?? {}).length > 0)
}
