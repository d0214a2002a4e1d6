import { boolType, opaqueType, stringType, type CelType } from '../check/cel-type.ts'
import { type CelFunction, type CelLibrary, member } from '../environment.ts'
import { CelFault } from '../value/fault.ts'
import { CelOpaque, type CelValue } from '../value/value.ts'

/** What an expression asks: a request of the API's (or a path), by the user of the request or by a service account. */
export interface AuthorizationQuestion {
  readonly verb: string
  /** Set for a path that is no resource; then all below is absent. */
  readonly path?: string
  readonly group?: string
  readonly resource?: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name?: string
  readonly fieldSelector?: string
  readonly labelSelector?: string
  /** Who asks instead of the user of the request. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string }
}

export interface AuthorizationAnswer { readonly allowed: boolean; readonly reason?: string; readonly error?: string }

/** Answers at once: whoever needs to wait for an answer asks before the expression runs. */
export type Authorize = (question: AuthorizationQuestion) => AuthorizationAnswer

export const authorizerType = opaqueType('kubernetes.authorization.Authorizer')
export const pathCheckType = opaqueType('kubernetes.authorization.PathCheck')
export const groupCheckType = opaqueType('kubernetes.authorization.GroupCheck')
export const resourceCheckType = opaqueType('kubernetes.authorization.ResourceCheck')
export const decisionType = opaqueType('kubernetes.authorization.Decision')

type Part = Omit<AuthorizationQuestion, 'verb'>

/** A question in the making. */
class Check extends CelOpaque {
  override readonly celType: CelType
  readonly authorize: Authorize
  readonly question: Part
  constructor(type: CelType, authorize: Authorize, question: Part) {
    super()
    this.celType = type
    this.authorize = authorize
    this.question = question
  }
}

class Decision extends CelOpaque {
  override readonly celType = decisionType
  readonly answer: AuthorizationAnswer
  constructor(answer: AuthorizationAnswer) {
    super()
    this.answer = answer
  }
}

/** The value of the variable `authorizer`. */
export function makeAuthorizer(authorize: Authorize): CelOpaque {
  return new Check(authorizerType, authorize, {})
}

/** The value of `authorizer.requestResource`: a check of the resource that is being changed. */
export function makeResourceCheck(authorize: Authorize, resource: Pick<AuthorizationQuestion, 'group' | 'resource' | 'subresource' | 'namespace' | 'name'>): CelOpaque {
  return new Check(resourceCheckType, authorize, resource)
}

const isBlank = (text: string) => text.trim() === ''
const text = (value: CelValue | undefined) => value as string

/** A method that adds something to the question. */
function adding(name: string, from: CelType, to: CelType, add: (...args: string[]) => Part, count = 1): CelFunction {
  const parameters = [from, ...Array.from({ length: count }, () => stringType)]
  return {
    name,
    overloads: [member(parameters, to, (check, ...args) => {
      const { authorize, question } = check as Check
      return new Check(to, authorize, { ...question, ...add(...args.map(text)) })
    })],
  }
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/

function serviceAccount(namespace = '', name = ''): Part {
  if (name.length > 253 || !subdomain.test(name)) throw new CelFault('Invalid service account name')
  if (namespace.length > 63 || !label.test(namespace)) throw new CelFault('Invalid service account namespace')
  return { serviceAccount: { namespace, name } }
}

function path(value = ''): Part {
  if (isBlank(value)) throw new CelFault('path must not be empty')
  return { path: value }
}

function resource(value = ''): Part {
  if (isBlank(value)) throw new CelFault('resource must not be empty')
  return { resource: value, subresource: '', namespace: '', name: '' }
}

/** A check may be a remote call, so two of them are all that one expression affords. */
const checkCost = () => 350_000

const check = (type: CelType) => member([type, stringType], decisionType, (value, verb) => {
  const { authorize, question } = value as Check
  return new Decision(authorize({ ...question, verb: text(verb) }))
}, checkCost)

const of = (value: CelValue) => (value as Decision).answer
const selectorCost = ([, selector = '']: readonly CelValue[]) => 10 + Math.ceil(text(selector).length * 0.1) + Math.ceil(Math.ceil(text(selector).length * 0.5) * 50)

const functions: CelFunction[] = [
  adding('path', authorizerType, pathCheckType, path),
  adding('group', authorizerType, groupCheckType, (group = '') => ({ group })),
  adding('serviceAccount', authorizerType, authorizerType, serviceAccount, 2),
  adding('resource', groupCheckType, resourceCheckType, resource),
  adding('subresource', resourceCheckType, resourceCheckType, (subresource = '') => ({ subresource })),
  adding('namespace', resourceCheckType, resourceCheckType, (namespace = '') => ({ namespace })),
  adding('name', resourceCheckType, resourceCheckType, (name = '') => ({ name })),
  withCost(adding('fieldSelector', resourceCheckType, resourceCheckType, (fieldSelector = '') => ({ fieldSelector })), selectorCost),
  withCost(adding('labelSelector', resourceCheckType, resourceCheckType, (labelSelector = '') => ({ labelSelector })), selectorCost),
  { name: 'check', overloads: [check(pathCheckType), check(resourceCheckType)] },
  { name: 'allowed', overloads: [member([decisionType], boolType, (decision) => of(decision).allowed)] },
  { name: 'reason', overloads: [member([decisionType], stringType, (decision) => of(decision).reason ?? '')] },
  { name: 'errored', overloads: [member([decisionType], boolType, (decision) => of(decision).error !== undefined)] },
  { name: 'error', overloads: [member([decisionType], stringType, (decision) => of(decision).error ?? '')] },
]

function withCost(one: CelFunction, cost: (args: readonly CelValue[]) => number): CelFunction {
  return { ...one, overloads: one.overloads.map((overload) => ({ ...overload, cost })) }
}

/** `authorizer.group('apps').resource('deployments').check('create').allowed()` … (https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library). */
export const authorizerLibrary: CelLibrary = { name: 'kubernetes.authz', functions, types: [authorizerType, pathCheckType, groupCheckType, resourceCheckType, decisionType] }
