import { defineKind, type Kind } from '@idp/api'
import type { JsonObject, KubeObject, ObjectMeta } from '@idp/formats'
import type { ApplicationSpec } from './application.ts'

export interface ApplicationTemplate {
  metadata?: { name?: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string>; finalizers?: string[] }
  spec?: Partial<ApplicationSpec>
}

export interface GitGenerator {
  repoURL: string
  revision?: string
  directories?: { path: string; exclude?: boolean }[]
  files?: { path: string; exclude?: boolean }[]
  requeueAfterSeconds?: number
  pathParamPrefix?: string
  template?: ApplicationTemplate
  values?: Record<string, string>
}

/** One generator; exactly one of its fields besides `selector` is set. */
export interface Generator {
  list?: { elements?: JsonObject[]; elementsYaml?: string; template?: ApplicationTemplate }
  git?: GitGenerator
  clusters?: { selector?: JsonObject; template?: ApplicationTemplate; values?: Record<string, string>; flatList?: boolean }
  matrix?: { generators: Generator[]; template?: ApplicationTemplate }
  merge?: { generators: Generator[]; mergeKeys: string[]; template?: ApplicationTemplate }
  scmProvider?: JsonObject
  pullRequest?: JsonObject
  clusterDecisionResource?: JsonObject
  plugin?: JsonObject
  selector?: JsonObject
}

export type ApplicationsSyncPolicy = 'create-only' | 'create-update' | 'create-delete' | 'sync'

export interface ApplicationSetSpec {
  generators: Generator[]
  template: ApplicationTemplate
  templatePatch?: string
  goTemplate?: boolean
  goTemplateOptions?: string[]
  syncPolicy?: { preserveResourcesOnDeletion?: boolean; applicationsSync?: ApplicationsSyncPolicy }
  preservedFields?: { annotations?: string[]; labels?: string[] }
  ignoreApplicationDifferences?: { name?: string; jsonPointers?: string[]; jqPathExpressions?: string[] }[]
  strategy?: { type?: string; rollingSync?: { steps?: { matchExpressions?: { key?: string; operator?: string; values?: string[] }[]; maxUpdate?: number | string }[] }; deletionOrder?: string }
  applyNestedSelectors?: boolean
}

export interface ApplicationSetCondition { type: string; status: 'True' | 'False' | 'Unknown'; reason: string; message: string; lastTransitionTime?: string }

export interface ApplicationSetStatus {
  conditions?: ApplicationSetCondition[]
  applicationStatus?: { application: string; status: string; message: string; step: string; lastTransitionTime?: string; targetRevisions?: string[] }[]
  resources?: JsonObject[]
  resourcesCount?: number
}

export interface ApplicationSet extends KubeObject { metadata: ObjectMeta; spec: ApplicationSetSpec; status?: ApplicationSetStatus }

export const ApplicationSet: Kind<ApplicationSet> = defineKind({
  group: 'argoproj.io', version: 'v1alpha1', kind: 'ApplicationSet', plural: 'applicationsets', scope: 'Namespaced',
  shortNames: ['appset', 'appsets'], subresources: ['status'],
})
