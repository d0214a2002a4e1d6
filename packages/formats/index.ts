export { cloneJson } from './clone-json.ts'
export { deepEqual } from './deep-equal.ts'
export { formatFieldPath, parseFieldPath, type FieldPathStep } from './field-path.ts'
export { applyJsonPatch, type JsonPatchOperation, type JsonPatchOptions } from './json-patch.ts'
export { formatPointer, parsePointer, readPointer } from './json-pointer.ts'
export type { AnyObject, Json, JsonObject, KubeObject, ManagedFieldsEntry, ObjectMeta, OwnerReference } from './kube-object.ts'
export {
  formatLabelSelector, isLabelValue, isQualifiedName, matchesLabelSelector, matchesRequirements, parseLabelSelector, selectorRequirements,
  type LabelExpression, type Labels, type LabelRequirement, type LabelSelector,
} from './label-selector.ts'
export { applyMergePatch, createMergePatch } from './merge-patch.ts'
export {
  addQuantities, canonicalQuantity, compareQuantities, formatQuantity, parseQuantity, quantityToMilli, quantityToNumber, subtractQuantities,
  type Quantity, type QuantityFormat,
} from './quantity.ts'
export { setMember } from './set-member.ts'
export { applyStrategicMergePatch, emptyMergeSchema, type MergeSchema } from './strategic-merge.ts'
export {
  formatYaml, formatYamlDocuments, parseYaml, parseYamlDocuments, resolvePlainScalar,
  type FormatYamlOptions, type YamlDialect, type YamlDocument, type YamlOptions,
} from './yaml.ts'
export { compareYamlKeys } from './yaml-key-order.ts'
