import { celEnvironment, type CelEnvironment, type CelEnvironmentOptions } from '../environment.ts'
import { optionalLibrary } from '../library/optionals.ts'
import { setsLibrary } from '../library/sets.ts'
import { standardLibrary } from '../library/standard.ts'
import { kubernetesStringsLibrary } from '../library/strings.ts'
import { authorizerLibrary } from './authorizer.ts'
import { formatLibrary } from './format.ts'
import { cidrLibrary, ipLibrary } from './ip.ts'
import { extendedListsLibrary, listsLibrary } from './lists.ts'
import { quantityLibrary } from './quantity.ts'
import { regexLibrary } from './regex.ts'
import { semverLibrary } from './semver.ts'
import { urlLibrary } from './url.ts'

/** The most that one evaluation of an expression in Kubernetes may cost. */
export const perCallLimit = 1_000_000
/** The most that all expressions for one request may cost together, per kind of policy. */
export const perRequestLimit = 10_000_000

let base: CelEnvironment | undefined

/** What expressions of Kubernetes 1.35 have in common, wherever they stand; variables, and `authorizer`, are the caller's to add. */
export function kubernetesEnvironment(more: CelEnvironmentOptions = {}): CelEnvironment {
  base ??= celEnvironment({
    libraries: [
      standardLibrary, optionalLibrary, kubernetesStringsLibrary, setsLibrary, urlLibrary, regexLibrary, listsLibrary, authorizerLibrary, quantityLibrary, ipLibrary, cidrLibrary, formatLibrary, semverLibrary, extendedListsLibrary,
    ],
    homogeneousLiterals: true, presenceTestCost: 0, macros: { bind: false, sortBy: true },
  })
  return base.extend(more)
}
