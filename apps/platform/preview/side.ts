import type { AnyObject } from '@idp/formats'
import type { Application } from '../../../components/argocd/kinds/application.ts'

/** What went wrong, with its place. */
export interface Problem { readonly code: string; readonly message: string; readonly where?: string; readonly remedy?: string }

/** One Application as a commit makes it. */
export interface SideApplication {
  readonly name: string
  readonly application: Application
  /** What made it: `ApplicationSet argocd/observability`, `Application argocd/platform`, or a file of the repository. */
  readonly madeBy: string
  /** Its objects as Argo CD would apply them, hooks among them. */
  readonly objects: readonly AnyObject[]
  /** Why it has no objects. */
  readonly problem?: Problem
  /** Its set was told to leave the resources where they are when the Application goes. */
  readonly preserved: boolean
  /** Sources that are not this repository and no chart: nothing of them is looked at. */
  readonly elsewhere: readonly string[]
}

/** All that Argo CD would make of one commit. */
export interface Side {
  readonly commit: string
  readonly applications: ReadonlyMap<string, SideApplication>
  /** ApplicationSets and roots that give nothing, by name. */
  readonly problems: readonly (Problem & { readonly name: string })[]
}

/** Every object of a side with the Application it belongs to; the first Application that names an object has it. */
export function objectsOf(side: Side): { readonly application: string; readonly object: AnyObject }[] {
  return [...side.applications.values()].flatMap(({ name, objects }) => objects.map((object) => ({ application: name, object })))
}
