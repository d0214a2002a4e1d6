import type { AnyObject } from '@idp/formats'
import type { World } from './world.ts'

/** Names one object; `Vault` is a kind of the doctor's own: the server behind a Service. */
export interface Ref { readonly kind: string; readonly name: string; readonly namespace?: string | undefined }

/** A cause that is no object of the cluster, or ends the search: an image, a policy's rule, a file in Git. */
export interface Leaf {
  readonly subject: string
  readonly says: string
  readonly remedy: string
}

/** What is wrong with one object, and what to look at next. */
export interface Diagnosis {
  /** Follows the object's name: `is Degraded: …`. */
  readonly says: string
  /** Where the fault may come from; one that turns out well falls away. */
  readonly because?: readonly (Ref | Leaf)[]
  /** What to do when nothing in `because` is at fault. */
  readonly remedy?: string
}

/** Judges one object, or its absence; undefined when nothing is wrong with it. Pure. */
export type Judge = (object: AnyObject | undefined, world: World, ref: Ref) => Diagnosis | undefined

/** Turns an object into the name of itself. */
export const refOf = ({ kind, metadata: { name = '', namespace } }: AnyObject): Ref => ({ kind, name, ...(namespace === undefined ? {} : { namespace }) })

/** `Secret shop/db`. */
export const titleOf = ({ kind, namespace, name }: Ref): string => `${kind} ${namespace === undefined || namespace === '' ? '' : `${namespace}/`}${name}`
