import { bytesType, stringType } from '../check/cel-type.ts'
import { type CelLibrary, global } from '../environment.ts'
import { CelFault, noSuchOverload } from '../value/fault.ts'
import type { CelValue } from '../value/value.ts'

function decode(value: CelValue): Uint8Array {
  if (typeof value !== 'string') throw noSuchOverload()
  const unpadded = value.replace(/=+$/, '')
  const bad = /[^A-Za-z0-9+/]/.exec(unpadded)
  if (bad || unpadded.length % 4 === 1) throw new CelFault(`illegal base64 data at input byte ${bad ? bad.index : unpadded.length}`)
  return Uint8Array.from(Buffer.from(unpadded, 'base64'))
}

/** `base64.encode`, `base64.decode` (https://pkg.go.dev/github.com/google/cel-go/ext#Encoders). */
export const encodersLibrary: CelLibrary = {
  name: 'cel.lib.ext.encoders',
  functions: [
    { name: 'base64.decode', overloads: [global([stringType], bytesType, decode)] },
    { name: 'base64.encode', overloads: [global([bytesType], stringType, (value) => Buffer.from(value as Uint8Array).toString('base64'))] },
  ],
}
