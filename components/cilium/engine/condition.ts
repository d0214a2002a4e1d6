/** A verdict on one aspect of an object. */
export interface Verdict { readonly type: string; readonly status: 'True' | 'False' | 'Unknown'; readonly reason: string; readonly message: string }

/** `metav1.Condition` as the API carries it. */
export interface Condition extends Verdict { readonly observedGeneration?: number; readonly lastTransitionTime: string }

/** New conditions from verdicts; the transition time of those whose status did not change is kept. */
export function conditions(verdicts: readonly Verdict[], old: readonly Readonly<{ type?: string; status?: string; lastTransitionTime?: unknown }>[] | undefined, generation: number | undefined, now: string): Condition[] {
  return verdicts.map((verdict) => {
    const before = old?.find(({ type }) => type === verdict.type)
    const lastTransitionTime = before?.status === verdict.status && typeof before.lastTransitionTime === 'string' ? before.lastTransitionTime : now
    return { type: verdict.type, status: verdict.status, reason: verdict.reason, message: verdict.message, ...(generation === undefined ? {} : { observedGeneration: generation }), lastTransitionTime }
  })
}
