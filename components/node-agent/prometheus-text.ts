/** One metric family in Prometheus' text format. */
export interface Family {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[]
}

/** Writes metric families in Prometheus' text format, version 0.0.4. */
export function prometheusText(families: readonly Family[]): string {
  return families.filter((f) => f.samples.length > 0).map(({ name, type, help, samples }) =>
    `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.map(({ labels = {}, value }) => `${name}${labelText(labels)} ${value}\n`).join('')}`).join('')
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([k, v]) => `${k}="${v.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}
