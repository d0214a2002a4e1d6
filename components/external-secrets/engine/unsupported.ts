import type { ExternalSecretSpec, Template } from '../kinds/external-secrets.ts'

/** The first field of an ExternalSecret that asks for what this operator does not do, by its path; undefined when there is none. Such a field is refused, not ignored. */
export function unsupportedField({ target, syncWindows }: ExternalSecretSpec): string | undefined {
  if (syncWindows !== undefined) return 'spec.syncWindows'
  if (target?.manifest !== undefined) return 'spec.target.manifest'
  return unsupportedInTemplate(target?.template, 'spec.target.template')
}

export function unsupportedInTemplate(template: Template | undefined, path: string): string | undefined {
  if (template?.engineVersion !== undefined && template.engineVersion !== '' && template.engineVersion !== 'v2') return `${path}.engineVersion ${template.engineVersion}`
  const index = template?.templateFrom?.findIndex(({ valuesDecodingStrategy }) => valuesDecodingStrategy !== undefined && valuesDecodingStrategy !== 'None') ?? -1
  return index < 0 ? undefined : `${path}.templateFrom[${index}].valuesDecodingStrategy`
}
