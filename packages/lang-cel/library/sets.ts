import { boolType, listType, paramType } from '../check/cel-type.ts'
import { costSize } from '../compile/cost.ts'
import { type CelLibrary, global } from '../environment.ts'
import { celEquals } from '../value/equal.ts'
import type { CelValue } from '../value/value.ts'

const list = listType(paramType('T'))
const items = (value: CelValue): readonly CelValue[] => value as readonly CelValue[]
const has = (all: readonly CelValue[], one: CelValue) => all.some((item) => celEquals(item, one))
const contains = (all: readonly CelValue[], part: readonly CelValue[]) => part.every((one) => has(all, one))
const product = ([a = null, b = null]: readonly CelValue[]) => 1 + costSize(a) * costSize(b)

/** `sets.contains`, `sets.equivalent`, `sets.intersects` of lists (https://pkg.go.dev/github.com/google/cel-go/ext#Sets). */
export const setsLibrary: CelLibrary = {
  name: 'cel.lib.ext.sets',
  functions: [
    { name: 'sets.contains', overloads: [global([list, list], boolType, (a, b) => contains(items(a), items(b)), product)] },
    { name: 'sets.equivalent', overloads: [global([list, list], boolType, (a, b) => contains(items(a), items(b)) && contains(items(b), items(a)), (args) => 1 + 2 * (product(args) - 1))] },
    { name: 'sets.intersects', overloads: [global([list, list], boolType, (a, b) => items(a).some((one) => has(items(b), one)), product)] },
  ],
}
