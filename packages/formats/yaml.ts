export { parseYaml, parseYamlDocuments, type YamlDocument, type YamlOptions } from './yaml-parse.ts'
export { formatYaml, formatYamlDocuments, type FormatYamlOptions } from './yaml-format.ts'
export { resolvePlainScalar, type YamlDialect } from './yaml-scalar.ts'
