import type { Json, JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'

export interface EntityRelation { readonly type: string; readonly targetRef: string }

/** One problem of processing, as upstream puts it below `status.items`. */
export interface EntityStatusItem { readonly type: string; readonly level: 'error' | 'warning' | 'info'; readonly message: string; readonly error?: { readonly name: string; readonly message: string } }

/** An entity of the software catalog: upstream's envelope, with whatever its kind has below `spec`. */
export interface Entity {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly etag?: string
    readonly title?: string
    readonly description?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly tags?: readonly string[]
    readonly links?: readonly { readonly url: string; readonly title?: string; readonly icon?: string; readonly type?: string }[]
  }
  readonly spec?: JsonObject
  readonly relations?: readonly EntityRelation[]
  readonly status?: { readonly items: readonly EntityStatusItem[] }
}

export interface EntityRefParts { readonly kind: string; readonly namespace: string; readonly name: string }

/**
 * Reads `[kind:][namespace/]name`. Throws CodedError `InvalidEntityRef` in upstream's words when a part is missing and has no default.
 */
export function parseEntityRef(text: string, defaults: { readonly kind?: string; readonly namespace?: string } = {}): EntityRefParts {
  const match = /^(?:([^:/]+):)?(?:([^:/]+)\/)?([^:/]+)$/.exec(text.trim())
  if (match === null) throw new CodedError({ code: 'InvalidEntityRef', message: `Entity reference "${text}" was not on the form [<kind>:][<namespace>/]<name>` })
  const kind = match[1] ?? defaults.kind
  if (kind === undefined || kind === '') throw new CodedError({ code: 'InvalidEntityRef', message: `Entity reference "${text}" had missing or empty kind (e.g. did not start with "component:" or similar)` })
  return { kind, namespace: match[2] ?? defaults.namespace ?? 'default', name: match[3] ?? '' }
}

/** The canonical form: lower case, all three parts. */
export const formatEntityRef = ({ kind, namespace, name }: EntityRefParts): string => `${kind}:${namespace}/${name}`.toLowerCase()

export const refOf = (entity: Entity): string => formatEntityRef({ kind: entity.kind, namespace: entity.metadata.namespace ?? 'default', name: entity.metadata.name })

/** Strings below a key of `spec`: one, several, or none. */
export function specStrings(entity: Entity, key: string): readonly string[] {
  const value: Json | undefined = entity.spec?.[key]
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}
