/**
 * The path of a field as the Kubernetes API prints it in errors: `spec.containers[0].image`, `metadata.labels[example.org/a]`.
 * Members are strings, indices numbers, keys of maps `{ key }`.
 */
export type FieldPathStep = string | number | { readonly key: string }

/** Writes a path as the API does; the empty path is `''`. */
export function formatFieldPath(steps: readonly FieldPathStep[]): string {
  let out = ''
  for (const step of steps) {
    if (typeof step === 'string') out += out === '' ? step : `.${step}`
    else out += typeof step === 'number' ? `[${step}]` : `[${step.key}]`
  }
  return out
}

/** Reads what {@link formatFieldPath} writes: digits in brackets are indices, anything else there is a key; quotes around keys are allowed. */
export function parseFieldPath(text: string): FieldPathStep[] {
  const steps: FieldPathStep[] = []
  for (const [, name, inside] of text.matchAll(/([^.[\]]+)|\[([^\]]*)\]/g)) {
    if (name !== undefined) steps.push(name)
    else if (inside !== undefined && /^\d+$/.test(inside)) steps.push(Number(inside))
    else steps.push({ key: (inside ?? '').replace(/^(["'])(.*)\1$/, '$2') })
  }
  return steps
}
