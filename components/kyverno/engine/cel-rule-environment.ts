import { celEnvironment, dynType, encodersLibrary, mathLibrary, optionalLibrary, setsLibrary, standardLibrary, stringsLibrary, type CelEnvironment } from '@idp/lang-cel'

let made: CelEnvironment | undefined

/** What expressions of a ClusterPolicy's rules may name; made when the first is read. */
export function celRuleEnvironment(): CelEnvironment {
  return made ??= celEnvironment({
    libraries: [standardLibrary, optionalLibrary, stringsLibrary, mathLibrary, setsLibrary, encodersLibrary],
    variables: { object: dynType, oldObject: dynType, request: dynType, params: dynType, namespaceObject: dynType, variables: dynType },
  })
}
