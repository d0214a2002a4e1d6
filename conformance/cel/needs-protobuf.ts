import type { IncrementalTest } from '@bufbuild/cel-spec/testdata/tests.js'
import { toJson } from '@bufbuild/protobuf'
import { SimpleTestSchema } from '@bufbuild/cel-spec/cel/expr/conformance/test/simple_pb.js'
import { getTestRegistry } from '@bufbuild/cel-spec/testdata/registry.js'

const registry = getTestRegistry()
const messages = /TestAllTypes|NestedEnum|GlobalEnum|google\.protobuf\.(?:Any|Struct|Value|ListValue|NullValue|FieldMask|Empty|[A-Za-z0-9]+Value)\b|proto\.(?:has|get)Ext|enumValue|"wrapper"|[a-z]+\.expr\.(?:Value|Expr|ParsedExpr|CheckedExpr)|fixed_(?:int|uint)|\bpb[23]?\.|x\.pb|"container":"(?:google\.protobuf|cel\.expr\.conformance\.proto\d)"|TestRequired/

/** Whether a case makes, reads or expects protobuf messages, enums or wrappers. Timestamps and durations are values of the language. */
export function needsProtobuf({ original }: IncrementalTest): boolean {
  return messages.test(original.expr) || messages.test(JSON.stringify(toJson(SimpleTestSchema, original, { registry })))
}
