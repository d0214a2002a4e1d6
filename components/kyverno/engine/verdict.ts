export type Verdict = 'pass' | 'fail' | 'skip' | 'error'

/** What a rule says, with the words for it. */
export interface Judgement { readonly verdict: Verdict; readonly message: string }
