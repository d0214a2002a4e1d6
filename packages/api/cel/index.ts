export { checkValidationRules } from './check-rules.ts'
export { compileValidationRules, type RuleFindings, type ValidationRules } from './rule-tree.ts'
export { maxRequestBytes, schemaType, withObjectMeta, type SchemaType } from './schema-type.ts'
