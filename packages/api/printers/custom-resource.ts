import { compileJsonPath } from '../jsonpath.ts'
import { ageColumn, type Cell, nameColumn, type PrinterColumn } from './column.ts'
import { since } from './human-duration.ts'

/** One entry of `additionalPrinterColumns` of a CustomResourceDefinition. */
export interface AdditionalPrinterColumn {
  name: string
  type: string
  jsonPath: string
  format?: string
  description?: string
  priority?: number
}

function cellOf(type: string, found: unknown[], now: number): Cell {
  const [value] = found
  if (value === undefined || value === null) return null
  switch (type) {
    case 'integer': return typeof value === 'number' ? Math.trunc(value) : null
    case 'number': return typeof value === 'number' ? value : null
    case 'boolean': return typeof value === 'boolean' ? value : null
    case 'date': return typeof value !== 'string' ? null : Number.isNaN(Date.parse(value)) ? '<invalid>' : since(value, now)
    default: return typeof value === 'string' ? value : found.map((item) => typeof item === 'string' ? item : JSON.stringify(item)).join(' ')
  }
}

const types = new Set<PrinterColumn['type']>(['string', 'integer', 'number', 'boolean', 'date'])

/** The columns of a custom resource: its name, then its own columns, or its age when it has none. Throws CodedError InvalidJsonPath. */
export function customColumns(columns: readonly AdditionalPrinterColumn[] | undefined): PrinterColumn[] {
  if (!columns || columns.length === 0) return [nameColumn, ageColumn]
  return [nameColumn, ...columns.map(({ name, type, jsonPath, format = '', priority = 0 }): PrinterColumn => {
    const path = compileJsonPath(jsonPath)
    const known = type as PrinterColumn['type']
    return { name, type: types.has(known) ? known : 'string', format, priority, cell: (object, now) => cellOf(type, path(object), now) }
  })]
}
