import type { Application } from '../kinds/application.ts'

/** `normal` or `hard`: somebody wants the Application compared with Git now. The controller takes it away when it has. */
export const refreshAnnotation = 'argocd.argoproj.io/refresh'

/**
 * When a push was announced, in milliseconds since the epoch. All Applications of one push carry the same time, so that one answer of
 * the Git server serves them all, and a second push during a refresh is not lost: the time changes.
 */
export const pushedAtAnnotation = 'argocd.idp.dev/pushed-at'

export interface RefreshWish { readonly kind: 'normal' | 'hard'; readonly pushedAt: number | undefined }

export function refreshWish({ metadata }: Application): RefreshWish | undefined {
  const wish = metadata.annotations?.[refreshAnnotation]
  const pushedAt = Number(metadata.annotations?.[pushedAtAnnotation])
  if (wish === undefined && !(pushedAt > 0)) return undefined
  return { kind: wish === 'hard' ? 'hard' : 'normal', pushedAt: pushedAt > 0 ? pushedAt : undefined }
}

/** Annotations to remove once `wish` is fulfilled: a newer push stays. */
export function fulfilled({ metadata }: Application, wish: RefreshWish | undefined): Record<string, null> {
  const { annotations = {} } = metadata
  const removed: Record<string, null> = {}
  if (wish === undefined) return removed
  const current = annotations[pushedAtAnnotation]
  if (current !== undefined && current !== String(wish.pushedAt)) return removed
  if (current !== undefined) removed[pushedAtAnnotation] = null
  if (annotations[refreshAnnotation] !== undefined) removed[refreshAnnotation] = null
  return removed
}
