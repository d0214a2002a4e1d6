import { CodedError } from '@idp/kit'
import { labelsKey, withLabel } from '../labels.ts'
import { compileRegex } from '../matcher.ts'
import { emptyRow, relabeled, type Row } from '../value.ts'

const labelName = /^[^\0]+$/

/** `label_replace`: sets a label from the groups of a match over the whole value of another. Throws CodedError `BadParameter`. */
export function labelReplace(rows: readonly Row[], [target = '', replacement = '', source = '', expression = '']: readonly string[]): readonly Row[] {
  const pattern = compileRegex(`^(?:${expression})$`)
  if (!labelName.test(target)) throw new CodedError({ code: 'BadParameter', message: `invalid destination label name in label_replace(): ${target}` })
  return unique(rows.map((row) => {
    const match = pattern.matcher(row.labels[source] ?? '')
    if (!match.matches()) return row
    const groups = pattern.namedGroups()
    const value = replacement.replace(/\$(?:(\$)|(\w+)|\{(\w+)\})/g, (_, dollar: string | undefined, plain: string | undefined, braced: string | undefined) => {
      if (dollar !== undefined) return '$'
      const name = plain ?? braced ?? ''
      const index = /^\d+$/.test(name) ? Number(name) : groups[name]
      return index === undefined || index > match.groupCount() ? '' : match.group(index) ?? ''
    })
    return relabeled(row, withLabel(row.labels, target, value))
  }))
}

/** `label_join`: joins the values of labels with a separator. */
export function labelJoin(rows: readonly Row[], [target = '', separator = '', ...sources]: readonly string[]): readonly Row[] {
  if (!labelName.test(target)) throw new CodedError({ code: 'BadParameter', message: `invalid destination label name in label_join(): ${target}` })
  return unique(rows.map((row) => relabeled(row, withLabel(row.labels, target, sources.map((name) => row.labels[name] ?? '').join(separator)))))
}

/** Series that fall together must not have values at the same moment. Throws CodedError `DuplicateSeries`. */
export function unique(rows: readonly Row[]): readonly Row[] {
  const byLabels = new Map<string, Row>()
  for (const row of rows) {
    const key = labelsKey(row.labels)
    const known = byLabels.get(key)
    byLabels.set(key, known === undefined ? row : merged(known, row))
  }
  return byLabels.size === rows.length ? rows : [...byLabels.values()]
}

function merged(a: Row, b: Row): Row {
  const row = emptyRow(a.labels, a.has.length)
  for (let step = 0; step < a.has.length; step++) {
    if (a.has[step] === 1 && b.has[step] === 1) throw new CodedError({ code: 'DuplicateSeries', message: 'vector cannot contain metrics with the same labelset' })
    const from = a.has[step] === 1 ? a : b
    row.has[step] = from.has[step] ?? 0
    row.values[step] = from.values[step] ?? NaN
  }
  return row
}
