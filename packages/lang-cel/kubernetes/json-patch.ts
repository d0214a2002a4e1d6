import { stringType } from '../check/cel-type.ts'
import { traversalCost } from '../compile/cost.ts'
import { type CelLibrary, global } from '../environment.ts'

/** `jsonpatch.escapeKey(key)` for paths of JSON patches (RFC 6901); only mutating admission policies have it. */
export const jsonPatchLibrary: CelLibrary = {
  name: 'kubernetes.jsonpatch',
  functions: [{
    name: 'jsonpatch.escapeKey',
    overloads: [global([stringType], stringType, (key) => (key as string).replaceAll('~', '~0').replaceAll('/', '~1'), ([key = '']) => traversalCost(key))],
  }],
}
