/** The labels of a series, `__name__` among them. Never changed in place. */
export type Labels = Readonly<Record<string, string>>

export const metricName = '__name__'

/** One text for one label set, whatever order its labels were written in. */
export function labelsKey(labels: Labels): string {
  let key = ''
  for (const name of Object.keys(labels).sort()) key += `${name}\xff${labels[name]}\xff`
  return key
}

/** Only the labels named; empty ones count as absent. */
export function pickLabels(labels: Labels, names: readonly string[]): Labels {
  const picked: Record<string, string> = {}
  for (const name of names) {
    const value = labels[name]
    if (value !== undefined && value !== '') picked[name] = value
  }
  return picked
}

/** All labels but those named. */
export function omitLabels(labels: Labels, names: readonly string[]): Labels {
  const left: Record<string, string> = {}
  for (const name of Object.keys(labels)) if (!names.includes(name)) left[name] = labels[name] ?? ''
  return left
}

export function withoutName(labels: Labels): Labels {
  return metricName in labels ? omitLabels(labels, [metricName]) : labels
}

/** With one label set, or removed when the value is empty. */
export function withLabel(labels: Labels, name: string, value: string): Labels {
  return value === '' ? omitLabels(labels, [name]) : { ...labels, [name]: value }
}

/** `name{a="b"}`, as Prometheus prints a series in its messages. */
export function labelsText(labels: Labels): string {
  const pairs = Object.keys(labels).filter((name) => name !== metricName).sort().map((name) => `${name}=${JSON.stringify(labels[name])}`)
  return `${labels[metricName] ?? ''}{${pairs.join(', ')}}`
}
