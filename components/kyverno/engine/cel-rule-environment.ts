import { CelOptional, dynType, encodersLibrary, kubernetesEnvironment, mathLibrary, member, type CelEnvironment, type CelLibrary } from '@idp/lang-cel'

/** `x.orValue(y)` of a value that is no optional is the value, as cel-go has it. */
const orValue: CelLibrary = {
  name: 'kyverno.rules', functions: [{ name: 'orValue', overloads: [member([dynType, dynType], dynType, (value, other) => (value instanceof CelOptional ? value.value ?? other ?? null : value ?? null))] }],
}

let made: CelEnvironment | undefined

/** What expressions of a ClusterPolicy's rules may name; made when the first is read. `authorizer` is not there: asking the API server takes a wait that an expression does not make. */
export function celRuleEnvironment(): CelEnvironment {
  return made ??= kubernetesEnvironment({
    libraries: [mathLibrary, encodersLibrary, orValue], homogeneousLiterals: false,
    variables: { object: dynType, oldObject: dynType, request: dynType, params: dynType, namespaceObject: dynType, variables: dynType },
  })
}
