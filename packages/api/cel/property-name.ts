const reserved = new Set(['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while'])
const written: Readonly<Record<string, string>> = { '__': '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' }

/**
 * The name by which an expression reads a property: `a-b` is `a__dash__b`, `namespace` is `__namespace__`. Undefined for a property that no
 * expression can name (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules).
 */
export function celPropertyName(property: string): string | undefined {
  if (property === '' || /^\d/.test(property)) return undefined
  if (reserved.has(property)) return `__${property}__`
  if (/[^A-Za-z0-9_./-]/.test(property)) return undefined
  return property.replaceAll(/__|[./-]/g, (part) => written[part] ?? part)
}
