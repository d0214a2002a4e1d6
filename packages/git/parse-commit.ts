/** What a commit says about itself. */
export interface Commit {
  readonly id: string
  readonly tree: string
  readonly parents: readonly string[]
  readonly author: string
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly message: string
}

export function parseCommit(id: string, text: string): Commit {
  const end = text.indexOf('\n\n')
  const head = text.slice(0, end < 0 ? undefined : end).split('\n')
  const field = (name: string): string[] => head.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1))
  const [, author = '', seconds = '0'] = /^(.*) (\d+) [+-]\d{4}$/.exec(field('author')[0] ?? '') ?? []
  return { id, tree: field('tree')[0] ?? '', parents: field('parent'), author, time: Number(seconds) * 1000, message: end < 0 ? '' : text.slice(end + 2) }
}
