import type { AnyObject, Json, JsonObject } from '@idp/formats'
import type { Subject } from './match-resource.ts'

/** What the variables and user info files of a test say. */
export interface TestValues {
  /** Variables for a policy, a rule ('' for those that are not a rule's) and a resource, by dotted name; the narrower wins. */
  given(policy: string, rule: string, object: AnyObject): Readonly<Record<string, Json>>
  /** Labels of a namespace, undefined where the file does not name it. */
  namespaceLabels(namespace: string): Readonly<Record<string, string>> | undefined
  /** A namespace as the file describes it. */
  namespace(name: string): JsonObject | undefined
  readonly user: Subject['user']
}

type Values = Readonly<Record<string, Json>>
interface ValuesFile {
  readonly globalValues?: Values
  readonly namespaceSelector?: readonly { readonly name: string; readonly labels?: Readonly<Record<string, string>> }[]
  /** Whole Namespace objects; they come before `namespaceSelector`. */
  readonly namespaces?: readonly JsonObject[]
  readonly policies?: readonly { readonly name: string; readonly rules?: readonly { readonly name: string; readonly values?: Values; readonly foreachValues?: Readonly<Record<string, readonly Json[]>> }[]; readonly resources?: readonly { readonly name: string; readonly values?: Values }[] }[]
}
interface UserFile { readonly clusterRoles?: readonly string[]; readonly roles?: readonly string[]; readonly userInfo?: { readonly username?: string; readonly groups?: readonly string[] } }

/** Reads `kind: Values` and `kind: UserInfo` (cli.kyverno.io/v1alpha1, older files without kind). */
export function readValues(values: unknown, user: unknown): TestValues {
  const file = within<ValuesFile>(values)
  const who = within<UserFile>(user)
  const whole = (name: string): JsonObject | undefined => file.namespaces?.find((one) => (one['metadata'] as JsonObject | undefined)?.['name'] === name)
  return {
    given(policyName, ruleName, object) {
      const policy = file.policies?.find(({ name }) => name === policyName)
      const plain = ruleName.replace(/^autogen-(cronjob-)?/, '')
      const rule = policy?.rules?.find(({ name }) => name === ruleName) ?? policy?.rules?.find(({ name }) => name === plain)
      const resource = policy?.resources?.find(({ name }) => name === object.metadata.name)
      // Upstream's CLI gives every element of a foreach the first of the values for its elements.
      const first = Object.fromEntries(Object.entries(rule?.foreachValues ?? {}).map(([name, [value = null]]) => [name, value]))
      return { ...file.globalValues, ...resource?.values, ...rule?.values, ...first }
    },
    namespaceLabels: (namespace) => labelsIn(whole(namespace)) ?? file.namespaceSelector?.find(({ name }) => name === namespace)?.labels,
    namespace: whole,
    user: user === undefined ? undefined : { username: who.userInfo?.username ?? '', groups: who.userInfo?.groups ?? [], roles: who.roles ?? [], clusterRoles: who.clusterRoles ?? [] },
  }
}

function within<T extends object>(file: unknown): T {
  const { spec, ...rest } = (file ?? {}) as { spec?: T } & T
  return spec ?? (rest as unknown as T)
}

function labelsIn(namespace: JsonObject | undefined): Readonly<Record<string, string>> | undefined {
  return namespace === undefined ? undefined : ((namespace['metadata'] as JsonObject)['labels'] ?? {}) as Record<string, string>
}
