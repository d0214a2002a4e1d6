import type { AdmissionFinding, ApplicationChange, Preview } from './preview-model.ts'
import { countsText, fieldText, objectText, summaryText, workloadLines } from './preview-text.ts'

/** What a comment on a pull request may have, with room for a line of the CI's own. */
const limit = 60_000
const signs = { appears: '🟢', changes: '🟡', vanishes: '🔴', broken: '❌' } as const

/** For a comment on a pull request: the verdict first, details folded. Cut at what such a comment may hold, and says so. */
export function previewMarkdown(preview: Preview): string {
  const { applications, admission, resolved, standing, warnings, summary } = preview
  const blocks = [`### ${summary.refused + summary.broken > 0 ? '❌' : '✅'} Preview of ${preview.base.slice(0, 10)} → ${preview.head.slice(0, 10)}\n\n${summaryText(preview)}`]
  if (applications.length > 0) blocks.push(['| Application | | created | changed | pruned | refused |', '| --- | --- | ---: | ---: | ---: | ---: |', ...applications.map(row)].join('\n'))
  const workloads = workloadLines(preview)
  if (workloads.length > 0) blocks.push(`**Workloads**\n${workloads.map((line) => `- ${cell(line.replace(/^[+-] /, (sign) => (sign === '+ ' ? 'new ' : 'gone: ')))}`).join('\n')}`)
  const bad = admission.filter(({ outcome }) => outcome === 'refused' || outcome === 'error')
  if (bad.length > 0) blocks.push(`**Admission will refuse**\n${bad.map((one) => `- ${findingText(one)}`).join('\n')}`)
  blocks.push(...applications.filter(({ problem, spec, objects }) => problem !== undefined || spec.length + objects.length > 0).map(details))
  const soft = admission.filter((one) => !bad.includes(one))
  if (soft.length > 0) blocks.push(folded(`Admission: ${countsText(soft)}`, soft.map((one) => `- ${findingText(one)}`).join('\n')))
  if (resolved.length > 0) blocks.push(folded(`${resolved.length} findings are resolved`, resolved.map((one) => `- ${findingText(one)}`).join('\n')))
  if (warnings.length > 0) blocks.push(folded(`${warnings.length} warnings`, warnings.map(({ code, message, where }) => `- ${cell(message)} (${code}, ${cell(where)})`).join('\n')))
  if (standing.length > 0) blocks.push(`Unchanged findings of the policies: ${countsText(standing)}`)
  let text = ''
  for (const [at, block] of blocks.entries()) {
    if (text.length + block.length > limit) return `${text}\n_${blocks.length - at} more parts do not fit here; \`idp preview ${preview.base.slice(0, 10)}..${preview.head.slice(0, 10)}\` shows them._\n`
    text += `${block}\n\n`
  }
  return text.trimEnd()
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replace(/\s*\n\s*/g, ' ')
const folded = (title: string, body: string): string => `<details><summary>${title}</summary>\n\n${body}\n\n</details>`
const findingText = ({ outcome, object, policy, rule, message, fields = [] }: AdmissionFinding): string => `${outcome}: ${cell(objectText(object))} by \`${policy}/${rule}\`: ${outcome === 'mutated' ? cell(fields.map(fieldText).join('; ')) : cell(message)}`

function row({ name, verdict, objects, problem }: ApplicationChange): string {
  const count = (action: string): number => objects.filter((one) => one.action === action).length
  return `| ${name} | ${signs[verdict]} ${verdict} | ${count('created')} | ${count('changed')} | ${count('pruned')} | ${problem === undefined ? objects.filter(({ refused }) => refused !== undefined).length : 'all'} |`
}

function details({ name, verdict, spec, objects, problem }: ApplicationChange): string {
  if (problem !== undefined) return `**${name}** cannot be rendered: ${cell(problem.message)}${problem.where === undefined ? '' : ` (${cell(problem.where)})`}`
  const lines = objects.flatMap(({ object, action, fields = [], refused = [], recreated, note }) => [
    `${action === 'created' ? '+' : action === 'pruned' ? '-' : '!'} ${objectText(object)} ${action}${note === undefined ? '' : ` (${note})`}`,
    ...refused.map((one) => `-   refused: ${one}`), ...(recreated === undefined ? [] : [`-   recreated: ${recreated}`]), ...fields.flatMap((one) => fieldText(one).split('\n').map((line) => `    ${line}`)),
  ])
  const text = [...spec.map((one) => `! ${fieldText(one)}`), ...lines]
  // A fence inside the text would end ours.
  const body = text.slice(0, 120).join('\n').replaceAll('```', "'''")
  return folded(`${name} ${verdict}`, `\`\`\`diff\n${body}${text.length > 120 ? `\n… ${text.length - 120} more lines` : ''}\n\`\`\``)
}
