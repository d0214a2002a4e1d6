import { defineKind, type Kind } from '@idp/api'
import type { KubeObject, ObjectMeta } from '@idp/formats'

export interface GroupKindRule { group: string; kind: string }

export interface SyncWindow {
  kind?: 'allow' | 'deny'
  schedule?: string
  duration?: string
  applications?: string[]
  namespaces?: string[]
  clusters?: string[]
  manualSync?: boolean
  timeZone?: string
  andOperator?: boolean
  description?: string
}

export interface ProjectRole { name: string; description?: string; policies?: string[]; groups?: string[]; jwtTokens?: { iat: number; exp?: number; id?: string }[] }

export interface AppProjectSpec {
  description?: string
  sourceRepos?: string[]
  sourceNamespaces?: string[]
  destinations?: { server?: string; name?: string; namespace?: string }[]
  clusterResourceWhitelist?: GroupKindRule[]
  clusterResourceBlacklist?: GroupKindRule[]
  namespaceResourceWhitelist?: GroupKindRule[]
  namespaceResourceBlacklist?: GroupKindRule[]
  orphanedResources?: { warn?: boolean; ignore?: { group?: string; kind?: string; name?: string }[] }
  syncWindows?: SyncWindow[]
  roles?: ProjectRole[]
  signatureKeys?: { keyID: string }[]
  destinationServiceAccounts?: { server: string; namespace?: string; defaultServiceAccount: string }[]
}

export interface AppProject extends KubeObject { metadata: ObjectMeta; spec: AppProjectSpec; status?: object }

export const AppProject: Kind<AppProject> = defineKind({
  group: 'argoproj.io', version: 'v1alpha1', kind: 'AppProject', plural: 'appprojects', scope: 'Namespaced', shortNames: ['appproj', 'appprojs'],
})
