import type { AppProject, GroupKindRule } from '../../kinds/app-project.ts'
import type { ApplicationSource, Destination } from '../../kinds/application.ts'
import { normalizeRemoteUrl } from '@idp/git'
import { globMatches } from './glob.ts'

/** The destination of this cluster, as Applications name it. */
export const inCluster = { server: 'https://kubernetes.default.svc', name: 'in-cluster' } as const

/** True when the project lets an Application use this repository. A pattern that begins with `!` takes away. */
export function permitsSource(project: AppProject, source: ApplicationSource): boolean {
  const url = source.repoURL
  const matches = (pattern: string): boolean => pattern === '*' || globMatches(pattern, url, '/') || globMatches(normalizeRemoteUrl(pattern), normalizeRemoteUrl(url), '/')
  return decided(project.spec.sourceRepos ?? [], matches)
}

export function permitsDestination(project: AppProject, destination: Destination): boolean {
  const server = destination.server ?? (destination.name === inCluster.name ? inCluster.server : '')
  const name = destination.name ?? (server === inCluster.server ? inCluster.name : '')
  const part = (pattern: string | undefined, value: string): boolean => {
    const negated = pattern?.startsWith('!') === true
    return globMatches(negated ? (pattern ?? '').slice(1) : pattern ?? '', value)
  }
  const rows = project.spec.destinations ?? []
  const isDenial = (row: { server?: string; namespace?: string; name?: string }): boolean => [row.server, row.namespace, row.name].some((one) => one?.startsWith('!') === true)
  const fits = (row: { server?: string; namespace?: string; name?: string }): boolean => {
    const cluster = row.server !== undefined && row.server !== '' ? part(row.server, server) : part(row.name, name)
    return cluster && part(row.namespace, destination.namespace ?? '')
  }
  return rows.some((row) => !isDenial(row) && fits(row)) && !rows.some((row) => isDenial(row) && fits(row))
}

function decided(patterns: readonly string[], matches: (pattern: string) => boolean): boolean {
  return patterns.some((one) => !one.startsWith('!') && matches(one)) && !patterns.some((one) => one.startsWith('!') && matches(one.slice(1)))
}

/** True when objects of this kind may be managed by Applications of the project. */
export function permitsKind(project: AppProject, { group, kind, namespaced }: { group: string; kind: string; namespaced: boolean }): boolean {
  const { clusterResourceWhitelist, clusterResourceBlacklist, namespaceResourceWhitelist, namespaceResourceBlacklist } = project.spec
  const listed = (rules: readonly GroupKindRule[] | undefined): boolean => (rules ?? []).some((rule) => globMatches(rule.group, group) && globMatches(rule.kind, kind))
  if (!namespaced) return listed(clusterResourceWhitelist) && !listed(clusterResourceBlacklist)
  const allowed = namespaceResourceWhitelist === undefined || listed(namespaceResourceWhitelist)
  return allowed && !listed(namespaceResourceBlacklist)
}
