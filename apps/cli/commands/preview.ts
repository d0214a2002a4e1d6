import { resolve } from 'node:path'
import { CodedError, systemRandom } from '@idp/kit'
import { isRefused, ownUrls, parseRange, preview, previewMarkdown, previewText, type CommitFiles } from '../../platform/preview/index.ts'
import { chosenCharts } from '../cluster-engine.ts'
import type { CommandContext } from '../context.ts'
import { failureText } from '../output/failure.ts'
import { openCommits, type OpenCommits } from '../preview/open-commits.ts'

export interface PreviewFlags {
  readonly output?: 'text' | 'json' | 'markdown'
  readonly worktree?: boolean
  readonly charts?: string
  /** More URLs that mean the repository itself. */
  readonly repoUrl?: readonly string[]
}

/** What a change does to the platform. Exit code 1 when something would be refused or cannot be rendered, 2 for a range that is none. */
export async function previewChange(context: CommandContext, words: readonly string[], flags: PreviewFlags): Promise<void> {
  // With --worktree the range may be left out: then the only word is the repository.
  const [range, directory = '.'] = flags.worktree === true && words.length < 2 && !(words[0] ?? '').includes('..') ? ['HEAD', words[0]] : words
  let ends: Ends
  await using commits = await openCommits(resolve(directory))
  try {
    ends = await endsOf(commits, range ?? '', flags.worktree === true)
  } catch (error) {
    if (!(error instanceof CodedError) || !['InvalidRange', 'RevisionNotFound'].includes(error.code)) throw error
    process.stderr.write(`${failureText(error, { debug: context.debug, tty: process.stderr.isTTY === true })}\n`)
    process.exitCode = 2
    return
  }
  const progress = progressLine()
  // Fetched charts are kept beside the clusters' directory: a folder in it would count as a cluster.
  const found = await preview({
    ...ends, charts: chosenCharts(`${context.root}-cache`, flags.charts ?? 'stand-in', context.signal), isOwn: await ownUrls(ends.head.tree, [...commits.remotes, ...(flags.repoUrl ?? [])]),
    pinned: (revision) => commits.pinned(revision), clock: context.clock, random: systemRandom, onProgress: progress.show,
  })
  progress.clear()
  context.report.result(flags.output === 'markdown' ? previewMarkdown(found) : previewText(found), found)
  if (isRefused(found)) process.exitCode = 1
}

interface Ends { readonly base: CommitFiles; readonly head: CommitFiles }

async function endsOf(commits: OpenCommits, range: string, worktree: boolean): Promise<Ends> {
  if (worktree) return { base: await commits.at(range.includes('..') ? parseRange(range).base : range), head: await commits.workTree() }
  const { base, head, fromMergeBase } = parseRange(range)
  return { base: await commits.at(fromMergeBase ? await commits.mergeBase(base, head) : base), head: await commits.at(head) }
}

/** One changing line on standard error, on a terminal only: standard output has the result alone. */
function progressLine() {
  const write = (text: string): void => {
    if (process.stderr.isTTY === true) process.stderr.write(`\r\u001b[2K${text}`)
  }
  return { show: (message: string) => write(message.slice(0, (process.stderr.columns ?? 80) - 1)), clear: () => write('') }
}
