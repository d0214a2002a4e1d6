import { parseYaml } from '@idp/formats'
import { messageOf } from '@idp/kit'
import type { IgnoreDifference } from '../kinds/application.ts'
import { compileIgnoreRule, type IgnoreRule } from './compare/ignored-fields.ts'
import { parseDuration } from './duration.ts'
import { globMatches } from './project/glob.ts'
import { defaultInstanceLabel, type Tracking, type TrackingMethod } from './tracking.ts'

/** What ConfigMap argocd-cm says, read and checked. */
export interface Settings {
  readonly tracking: Tracking
  /** Milliseconds between two looks at Git when no webhook comes; undefined: never. */
  readonly reconcileEvery: number | undefined
  readonly kustomizeBuildOptions: string
  /** Rules for all Applications. */
  readonly ignoreRules: readonly IgnoreRule[]
  /** True for kinds that are neither shown nor compared. */
  isExcluded(group: string, kind: string): boolean
  /** `resource.customizations.health.*`, Lua by `group/Kind`. */
  readonly healthScripts: Readonly<Record<string, string>>
  readonly url: string | undefined
  /** Settings that could not be read, in the user's words. */
  readonly problems: readonly string[]
}

type Data = Readonly<Record<string, string>>

export function readSettings(data: Data = {}): Settings {
  const problems: string[] = []
  const attempt = <T>(key: string, otherwise: T, read: (text: string) => T): T => {
    const text = data[key]
    if (text === undefined || text.trim() === '') return otherwise
    try {
      return read(text)
    } catch (error) {
      problems.push(`argocd-cm ${key}: ${messageOf(error)}`)
      return otherwise
    }
  }
  const every = data['timeout.reconciliation'] === undefined ? 180_000 : parseDuration(data['timeout.reconciliation'])
  const inclusions = attempt('resource.inclusions', [], readFilters)
  const exclusions = attempt('resource.exclusions', [], readFilters)
  const ignoreRules = Object.keys(data).filter((key) => key.startsWith('resource.customizations.ignoreDifferences.')).flatMap((key) => attempt(key, [], (text) => [readIgnoreRule(key, text)]))
  for (const key of Object.keys(data)) {
    if (/^resource\.customizations\.(health|actions|knownTypeFields)\./.test(key)) problems.push(`argocd-cm ${key}: Lua scripts and known types are not read`)
    else if (['dex.config', 'oidc.config', 'resource.customizations', 'configManagementPlugins'].includes(key) && data[key]?.trim() !== '') problems.push(`argocd-cm ${key}: not supported`)
  }
  const scripts = Object.entries(data).filter(([key]) => key.startsWith('resource.customizations.health.')).map(([key, text]) => [groupKindOf(key.slice('resource.customizations.health.'.length)), text] as const)
  return {
    tracking: {
      method: readMethod(data['application.resourceTrackingMethod']), label: data['application.instanceLabelKey'] ?? defaultInstanceLabel,
      ...(data['installationID'] === undefined ? {} : { installationId: data['installationID'] }),
    },
    reconcileEvery: every === undefined || every === 0 ? undefined : every,
    kustomizeBuildOptions: data['kustomize.buildOptions'] ?? '',
    ignoreRules, problems, url: data['url'], healthScripts: Object.fromEntries(scripts),
    isExcluded: (group, kind) => exclusions.some((one) => one(group, kind)) || (inclusions.length > 0 && !inclusions.some((one) => one(group, kind))),
  }
}

function readMethod(text: string | undefined): TrackingMethod {
  return text === 'label' || text === 'annotation+label' ? text : 'annotation'
}

/** `apps_Deployment` is group and kind, `ConfigMap` is a kind of the core group, `all` is everything; `*` is written `_`-free. */
function groupKindOf(text: string): string {
  if (text === 'all') return '*/*'
  const cut = text.lastIndexOf('_')
  return cut < 0 ? `/${text}` : `${text.slice(0, cut)}/${text.slice(cut + 1)}`
}

function readIgnoreRule(key: string, text: string): IgnoreRule {
  const [group = '', kind = ''] = groupKindOf(key.slice('resource.customizations.ignoreDifferences.'.length)).split('/')
  const parsed = parseYaml(text, { source: key }) as Partial<IgnoreDifference> | null
  return compileIgnoreRule({ ...parsed, group, kind })
}

interface Filter { apiGroups?: string[]; kinds?: string[]; clusters?: string[] }

function readFilters(text: string): ((group: string, kind: string) => boolean)[] {
  const filters = parseYaml(text) as Filter[] | null
  return (filters ?? []).map(({ apiGroups, kinds }) => (group, kind) => {
    const groupFits = apiGroups === undefined || apiGroups.length === 0 || apiGroups.some((one) => globMatches(one, group))
    return groupFits && (kinds === undefined || kinds.length === 0 || kinds.some((one) => globMatches(one, kind)))
  })
}
