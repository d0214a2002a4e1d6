import { normalizeRemoteUrl } from '@idp/git'
import type { FileTree } from '@idp/kit'
import { yamlFiles } from './expand-side.ts'

/** The Git server that `idp up` starts: what is pushed there is the repository itself. */
const platformServer = /^https?:\/\/git-server\.git-system(\.svc(\.cluster\.local)?)?(:\d+)?\//

/**
 * Tells which URLs mean the repository itself: its remotes, those given, and the platform's own Git server. Where Applications name none of these,
 * the URL that they name most often is taken for it.
 */
export async function ownUrls(tree: FileTree, remotes: readonly string[]): Promise<(url: string) => boolean> {
  const known = new Set(remotes.map(normalizeRemoteUrl))
  const isKnown = (url: string): boolean => platformServer.test(url) || known.has(normalizeRemoteUrl(url))
  const counts = new Map<string, number>()
  for await (const path of yamlFiles(tree, '')) {
    const text = new TextDecoder().decode(await tree.read(path))
    if (!text.includes('argoproj.io/')) continue
    for (const [, url = ''] of text.matchAll(/^[\s-]*repoURL:\s*["']?([^\s"'#]+)/gm)) counts.set(url, (counts.get(url) ?? 0) + 1)
  }
  if ([...counts.keys()].some(isKnown)) return isKnown
  const [most] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? []
  const chosen = most === undefined ? undefined : normalizeRemoteUrl(most)
  return (url) => isKnown(url) || (chosen !== undefined && normalizeRemoteUrl(url) === chosen)
}
