import { CelOptional, dynType, encodersLibrary, global, jsonPatchLibrary, kubernetesEnvironment, listType, mathLibrary, member, objectType, stringType, type CelEnvironment, type CelLibrary, type CelType, type CelValue } from '@idp/lang-cel'
import { jmesPath } from '@idp/lang-jmespath'
import { RunContext, type Run } from './run-context.ts'
import { authorizationLibrary } from './libraries/authorization.ts'
import { generatorLibrary, generatorType } from './libraries/generator.ts'
import { globalContextLibrary, globalContextType, httpLibrary, httpType } from './libraries/http.ts'
import { imageDataType, imageLibrary } from './libraries/image.ts'
import { imageVerifyLibrary, type VerifyHolder } from './libraries/image-verify.ts'
import { resourceLibrary, resourceType } from './libraries/resource.ts'
import { gzipLibrary, hashLibrary, jsonLibrary, jsonType, randomLibrary, roundLibrary, textContexts, transformLibrary, userLibrary, x509Library, yamlType } from './libraries/text.ts'
import { timeLibrary } from './libraries/time.ts'

/** `x.orValue(y)` of a value that is no optional is the value: policies rely on it. */
const compatibility: CelLibrary = {
  name: 'kyverno.compat', functions: [{ name: 'orValue', overloads: [member([dynType, dynType], dynType, (value, other) => (value instanceof CelOptional ? value.value ?? other ?? null : value ?? null))] }],
}

const anyObject = (name: string): CelType => objectType(name, (field) => ({ type: name.startsWith('Object') ? dynObject(`${name}.${field}`) : dynType }))
/** A field of `Object{…}` takes a value of any type: what is in it is checked when it is merged. */
const dynObject = (_name: string): CelType => dynType
const patchFields: Readonly<Record<string, CelType>> = { op: stringType, path: stringType, from: stringType, value: dynType }

/** `JSONPatch{op, path, from, value}`. */
export const patchType: CelType = objectType('JSONPatch', (field) => (patchFields[field] === undefined ? undefined : { type: patchFields[field] }))
export const patchListType: CelType = listType(patchType)

const patchLibrary: CelLibrary = { name: 'kubernetes.jsonpatch.types', types: [patchType] }

/** `regex.replace(text, pattern, replacement)` of cel-go's extensions: groups are `\\1`. */
const replaceLibrary: CelLibrary = {
  name: 'cel.ext.regex',
  functions: [{ name: 'regex.replace', overloads: [global([stringType, stringType, stringType], stringType, (text, pattern, replacement) => {
    const to = String(replacement).replaceAll('$', '\\$').replaceAll(/\\(\d)/g, '$$$1')
    return jmesPath('regex_replace_all(p, t, r)').evaluate({ p: String(pattern), t: String(text), r: to }) as string
  })] }],
}

/** Set for the length of one synchronous evaluation of an image policy. */
export const verifying: VerifyHolder = { state: undefined }
/** Set for the length of one synchronous evaluation: the present moment. */
export const clockOf: { now: () => number } = { now: () => 0 }

const variables: Readonly<Record<string, CelType>> = {
  object: dynType, oldObject: dynType, request: dynType, namespaceObject: dynType, exceptions: dynType, params: dynType, images: dynType, attestors: dynType, attestations: dynType, ref: stringType,
  resource: resourceType, http: httpType, globalContext: globalContextType, image: imageDataType, generator: generatorType, json: jsonType, yaml: yamlType,
}

/** What expressions of Kyverno's policies may use: Kubernetes' CEL and Kyverno's own libraries. */
export const kyvernoEnvironment: CelEnvironment = kubernetesEnvironment({
  variables, homogeneousLiterals: false, macros: { bind: true },
  libraries: [
    mathLibrary, encodersLibrary, jsonPatchLibrary, patchLibrary, replaceLibrary, compatibility,
    resourceLibrary, httpLibrary, globalContextLibrary, imageLibrary, imageVerifyLibrary(verifying), generatorLibrary, jsonLibrary, hashLibrary, gzipLibrary, roundLibrary, userLibrary,
    transformLibrary, x509Library, randomLibrary, timeLibrary(() => clockOf.now()), authorizationLibrary(() => clockOf.now()),
  ],
  findType: (name) => (name === 'Object' || name.startsWith('Object.') ? anyObject(name) : undefined),
})

/** The libraries' own variables for one evaluation. */
export function contextVariables(run: Run): Readonly<Record<string, CelValue>> {
  return {
    resource: new RunContext(resourceType, run), http: new RunContext(httpType, run), globalContext: new RunContext(globalContextType, run), image: new RunContext(imageDataType, run),
    generator: new RunContext(generatorType, run), ...textContexts(run),
  }
}
