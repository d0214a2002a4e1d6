import { CodedError } from '@idp/kit'

export interface CommitRange { readonly base: string; readonly head: string; /** Compare with where the branches parted, as a pull request does. */ readonly fromMergeBase: boolean }

/**
 * `main..branch`, `main...branch` (from where they parted), `main..` (to HEAD), or one commit (its first parent to it).
 * Throws CodedError `InvalidRange`.
 */
export function parseRange(text: string): CommitRange {
  const [base = '', head, more] = text.split(/\.{2,3}/)
  if (more !== undefined || text.startsWith('-') || (base === '' && head === undefined)) throw new CodedError({ code: 'InvalidRange', message: `'${text}' is not a range of commits`, remedy: 'Write BASE..HEAD, for example main..my-branch, or one commit' })
  if (head === undefined) return { base: `${base}~1`, head: base, fromMergeBase: false }
  return { base: base === '' ? 'HEAD' : base, head: head === '' ? 'HEAD' : head, fromMergeBase: text.includes('...') }
}
