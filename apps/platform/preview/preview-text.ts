import type { Json } from '@idp/formats'
import type { AdmissionFinding, ApplicationChange, FieldChange, ObjectChange, ObjectReference, Preview } from './preview-model.ts'

const marks = { appears: '+', changes: '~', vanishes: '-', broken: '!' } as const
const actions = { created: '+', changed: '~', pruned: '-', kept: '=', moved: '>' } as const
const outcomeMarks = { refused: '✗', mutated: '~', audited: '·', generated: '+', error: '!' } as const
/** Fields shown of one object, and objects of one application; the JSON has all. */
const most = { fields: 12, objects: 60, findings: 60 }

export const objectText = ({ kind, namespace, name }: ObjectReference): string => `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`

/** For a terminal. */
export function previewText(preview: Preview): string {
  const { applications, admission, resolved, standing, warnings } = preview
  const lines = [`${preview.base.slice(0, 10)} → ${preview.head.slice(0, 10)}: ${summaryText(preview)}`]
  if (applications.length > 0) lines.push('', `Applications (${preview.unchanged} more stay as they are)`, ...applications.flatMap(applicationLines))
  const workloads = workloadLines(preview)
  if (workloads.length > 0) lines.push('', 'Workloads', ...workloads.map((line) => `  ${line}`))
  if (admission.length > 0) lines.push('', 'Admission: what is new', ...shown(admission.map(findingLines), most.findings))
  if (resolved.length > 0) lines.push('', 'Admission: no longer said', ...shown(resolved.map((one) => [`  ✓ ${objectText(one.object)}: ${one.policy}/${one.rule}`]), most.findings))
  if (standing.length > 0) lines.push('', `Admission says the same as before of ${standing.length} more: ${countsText(standing)}`)
  if (warnings.length > 0) lines.push('', 'Warnings', ...shown(warnings.map(({ code, message, where }) => [`  ! ${message}`, `      ${code}, ${where}`]), most.findings))
  return lines.join('\n')
}

/** One sentence: `1 Application appears, 2 objects change, nothing is refused`. */
export function summaryText({ summary, applications }: Preview): string {
  const { appear, change, vanish, broken, created, changed, pruned, recreated, refused, mutated, audited, warnings } = summary
  if (applications.length === 0 && refused + mutated + audited + warnings === 0) return 'nothing changes in the cluster'
  const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
  const parts = [
    [appear, `${plural(appear, 'Application')} new`], [change, `${plural(change, 'Application')} changed`], [vanish, `${plural(vanish, 'Application')} gone`], [broken, `${plural(broken, 'Application')} broken`],
    [created, `${plural(created, 'object')} created`], [changed, `${plural(changed, 'object')} changed`], [pruned, `${plural(pruned, 'object')} pruned`], [recreated, `${plural(recreated, 'object')} recreated`],
    [mutated, `${mutated} mutated`], [audited, `${audited} reported`], [warnings, plural(warnings, 'warning')],
  ] as const
  return [...parts.filter(([count]) => count > 0).map(([, text]) => text), refused === 0 ? 'nothing refused' : `${refused} REFUSED`].join(', ')
}

export const countsText = (findings: readonly AdmissionFinding[]): string => (['refused', 'error', 'audited', 'mutated', 'generated'] as const).map((outcome) => [outcome, findings.filter((one) => one.outcome === outcome).length] as const).filter(([, count]) => count > 0).map(([outcome, count]) => `${count} ${outcome}`).join(', ')

/** Images and amounts that differ, a line each. */
export function workloadLines({ workloads: { images, pods, cpuMilli, memoryBytes } }: Preview): string[] {
  const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)}Mi`
  return [
    ...images.added.map((one) => `+ image ${one}`), ...images.removed.map((one) => `- image ${one}`),
    ...(pods.before === pods.after ? [] : [`pods: ${pods.before} → ${pods.after}`]),
    ...(cpuMilli.before === cpuMilli.after ? [] : [`requested CPU: ${cpuMilli.before}m → ${cpuMilli.after}m`]),
    ...(memoryBytes.before === memoryBytes.after ? [] : [`requested memory: ${mebibytes(memoryBytes.before)} → ${mebibytes(memoryBytes.after)}`]),
  ]
}

function applicationLines({ name, verdict, madeBy, spec, objects, problem }: ApplicationChange): string[] {
  const head = `  ${marks[verdict]} ${name} ${verdict} (${madeBy})`
  if (problem !== undefined) return [head, `      ✗ ${problem.code}: ${problem.message}`, ...(problem.where === undefined ? [] : [`        where:  ${problem.where}`]), ...(problem.remedy === undefined ? [] : [`        remedy: ${problem.remedy}`])]
  return [head, ...spec.map((one) => `      ${fieldText(one)}`), ...shown(objects.map(objectLines), most.objects, '      ')]
}

function objectLines({ object, action, fields = [], refused = [], recreated, note }: ObjectChange): string[] {
  const head = `      ${actions[action]} ${objectText(object)} ${action}${note === undefined ? '' : ` (${note})`}`
  return [head, ...refused.map((one) => `          ✗ refused: ${one}`), ...(recreated === undefined ? [] : [`          ! recreated: ${recreated}`]), ...shown(fields.map((one) => fieldText(one).split('\n').map((line) => `          ${line}`)), most.fields, '          ')]
}

function findingLines({ outcome, object, policy, rule, message, fields = [], application }: AdmissionFinding): string[] {
  const head = `  ${outcomeMarks[outcome]} ${outcome}: ${objectText(object)} by ${policy}/${rule} (${application})`
  return [head, ...(outcome === 'mutated' ? shown(fields.map((one) => [`      ${fieldText(one)}`]), most.fields, '      ') : message.trim().split('\n').map((line) => `      ${line}`))]
}

/** Blocks of lines, the first `limit` of them. */
function shown(blocks: readonly (readonly string[])[], limit: number, indent = '  '): string[] {
  const rest = blocks.length - limit
  return [...blocks.slice(0, limit).flat(), ...(rest > 0 ? [`${indent}… and ${rest} more (--output json has all)`] : [])]
}

/** `spec.replicas: 1 → 2`; texts of several lines as the lines that differ. */
export function fieldText({ path, old, new: wanted }: FieldChange): string {
  if (typeof old === 'string' && typeof wanted === 'string' && (old.includes('\n') || wanted.includes('\n'))) return `${path}:\n${changedLines(old, wanted).map((line) => `  ${line}`).join('\n')}`
  if (old === undefined) return `${path}: + ${valueText(wanted)}`
  return wanted === undefined ? `${path}: - ${valueText(old)}` : `${path}: ${valueText(old)} → ${valueText(wanted)}`
}

function valueText(value: Json | undefined): string {
  const text = typeof value === 'string' && !/[\n]/.test(value) && value !== '' ? value : JSON.stringify(value)
  return text.length > 160 ? `${text.slice(0, 157)}…` : text
}

/** The lines between what both begin and end with. */
function changedLines(old: string, wanted: string): string[] {
  const [a, b] = [old.split('\n'), wanted.split('\n')]
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++
  const lines = [...a.slice(start, a.length - end).map((line) => `- ${line}`), ...b.slice(start, b.length - end).map((line) => `+ ${line}`)]
  return lines.length > 16 ? [...lines.slice(0, 16), `… ${lines.length - 16} more lines`] : lines
}
