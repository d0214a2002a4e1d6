import type { Commit, RefUpdate } from '@idp/git'

export interface PushEventFacts {
  readonly repository: string
  /** Address of the server, without a slash at the end. */
  readonly url: string
  readonly defaultBranch: string
  readonly update: RefUpdate
  readonly user: string | undefined
  readonly head: Commit | undefined
  readonly changed: { readonly added: readonly string[]; readonly modified: readonly string[]; readonly removed: readonly string[] }
}

/** The body of GitHub's `push` webhook, with the fields that receivers read. */
export function pushEvent({ repository, url, defaultBranch, update, user, head, changed }: PushEventFacts): object {
  const page = `${url}/${repository}`
  const none = '0'.repeat(40)
  const commit = head === undefined ? null : { id: head.id, message: head.message.trim(), timestamp: new Date(head.time).toISOString(), author: { name: head.author.replace(/ <.*$/, '') }, url: `${page}/commit/${head.id}`, ...changed }
  return {
    ref: update.ref, before: update.before, after: update.after, created: update.before === none, deleted: update.after === none, forced: false,
    repository: { name: repository, full_name: repository, html_url: page, clone_url: `${page}.git`, git_http_url: `${page}.git`, default_branch: defaultBranch },
    pusher: { name: user ?? '' }, sender: { login: user ?? '' }, head_commit: commit, commits: commit === null ? [] : [commit],
  }
}
