import type { GoMap } from '@idp/lang-gotemplate'
import type { ActiveChart } from './dependencies.ts'

/** Checks values against values.schema.json of a chart and its subcharts. Throws CodedError `InvalidValues`. */
export function validateValues(_active: ActiveChart, _values: GoMap): void {
  // Comes with the validator.
}
