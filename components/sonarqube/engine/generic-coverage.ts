import { ApiRefusal } from './api-error.ts'

export interface Coverage { readonly linesToCover: number; readonly coveredLines: number; readonly branchesToCover: number; readonly coveredBranches: number }

/** The generic format for test coverage (`sonar.coverageReportPaths`), version 1. Throws ApiRefusal. */
export function readGenericCoverage(xml: string): Coverage {
  if (!/<coverage\s[^>]*version\s*=\s*["']1["']/.test(xml)) throw new ApiRefusal('the coverage report is not <coverage version="1">')
  let file = ''
  const sum = { linesToCover: 0, coveredLines: 0, branchesToCover: 0, coveredBranches: 0 }
  for (const [, name, written = ''] of xml.matchAll(/<(file|lineToCover)\b([^>]*)>/g)) {
    const attributes = Object.fromEntries([...written.matchAll(/([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].map(([, key = '', a, b]) => [key, a ?? b ?? '']))
    if (name === 'file') { file = attributes['path'] ?? ''; continue }
    if (!/^\d+$/.test(attributes['lineNumber'] ?? '') || !['true', 'false'].includes(attributes['covered'] ?? '')) throw new ApiRefusal(`a lineToCover of ${file || 'no file'} needs lineNumber and covered="true" or "false"`)
    const branches = Number(attributes['branchesToCover'] ?? 0)
    const covered = Number(attributes['coveredBranches'] ?? 0)
    if (!(covered <= branches)) throw new ApiRefusal(`line ${attributes['lineNumber']} of ${file} has more covered branches than branches`)
    sum.linesToCover++
    if (attributes['covered'] === 'true') sum.coveredLines++
    sum.branchesToCover += branches
    sum.coveredBranches += covered
  }
  return sum
}

/** Per cent of lines and branches together, as SonarQube counts it; undefined where there is nothing to cover. */
export function coveragePercent({ linesToCover, coveredLines, branchesToCover, coveredBranches }: Coverage): number | undefined {
  const all = linesToCover + branchesToCover
  return all === 0 ? undefined : (100 * (coveredLines + coveredBranches)) / all
}
