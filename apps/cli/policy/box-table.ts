/** Rows in a frame, the first row as heading, as the Kyverno CLI draws them. `paint` colours a cell after its width is known. */
export function boxTable(rows: readonly (readonly string[])[], paint: (cell: string, row: number, column: number) => string = (cell) => cell): string {
  const lines = rows.map((row) => row.map((cell) => cell.replaceAll(/\s*\n\s*/g, ' ').trim()))
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((row) => row[column]?.length ?? 0)))
  const rule = `│${widths.map((width) => '─'.repeat(width + 2)).join('│')}│`
  const drawn = lines.map((row, index) => `│${row.map((cell, column) => ` ${paint(cell, index, column)}${' '.repeat((widths[column] ?? 0) - cell.length)} `).join('│')}│`)
  return [rule, drawn[0] ?? '', rule, ...drawn.slice(1), rule].join('\n')
}
