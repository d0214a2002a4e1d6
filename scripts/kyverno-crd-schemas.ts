/** Schemas of policies.kyverno.io: the fields that are known are typed, fields of later releases are kept. Facts only, no prose. */
import type { Schema } from './crd-schema.ts'

const text: Schema = { type: 'string' }
const flag = (byDefault?: boolean): Schema => ({ type: 'boolean', ...(byDefault === undefined ? {} : { default: byDefault }) })
const oneOf = (...values: string[]): Schema => ({ type: 'string', enum: values })
const list = (items: Schema): Schema => ({ type: 'array', items })
const map = (of: Schema): Schema => ({ type: 'object', additionalProperties: of })
const object = (properties: Record<string, Schema>, required: readonly string[] = []): Schema => ({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties, ...(required.length === 0 ? {} : { required }) })
const enabled = (byDefault?: boolean): Schema => object({ enabled: flag(byDefault) })
const open: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }

const named = list(object({ name: text, expression: text }, ['expression', 'name']))
const resourceRules = list(object({ apiGroups: list(text), apiVersions: list(text), operations: list(text), resourceNames: list(text), resources: list(text), scope: text }))
const constraints: Record<string, Schema> = { resourceRules, excludeResourceRules: resourceRules, matchPolicy: text, namespaceSelector: open, objectSelector: open }
const matching: Record<string, Schema> = { matchConstraints: object(constraints), matchConditions: named, variables: named }
const webhook: Record<string, Schema> = { failurePolicy: oneOf('Ignore', 'Fail'), webhookConfiguration: object({ timeoutSeconds: { type: 'integer', format: 'int32' } }) }
const audit = list(object({ key: text, valueExpression: text }, ['key', 'valueExpression']))
const autogen = (admissionPolicy?: string): Schema => object({ podControllers: object({ controllers: list(text) }), ...(admissionPolicy === undefined ? {} : { [admissionPolicy]: enabled() }) })
const evaluation: Record<string, Schema> = { admission: enabled(true), background: enabled(true), mode: text }
const validations = list(object({ expression: text, message: text, messageExpression: text, reason: text }, ['expression']))
const actions = list(oneOf('Deny', 'Audit', 'Warn'))

const specs: Readonly<Record<string, Schema>> = {
  ValidatingPolicy: object({ ...matching, ...webhook, validations, validationActions: actions, auditAnnotations: audit, autogen: autogen('validatingAdmissionPolicy'), evaluation: object(evaluation) }),
  MutatingPolicy: object({
    ...matching, ...webhook, auditAnnotations: audit, autogen: autogen('mutatingAdmissionPolicy'), reinvocationPolicy: text,
    evaluation: object({ ...evaluation, mutateExisting: enabled(false), skipBackgroundRequests: flag(true), useServerSideApply: flag() }),
    mutations: list(object({ patchType: text, applyConfiguration: object({ expression: text }), jsonPatch: object({ expression: text }) }, ['patchType'])),
    targetMatchConditions: named, targetMatchConstraints: object({ ...constraints, expression: text }),
  }),
  GeneratingPolicy: object({
    ...matching, webhookConfiguration: webhook['webhookConfiguration'] ?? open, auditAnnotations: audit, useServerSideApply: flag(),
    evaluation: object({ admission: enabled(true), generateExisting: enabled(false), orphanDownstreamOnPolicyDelete: enabled(false), skipBackgroundRequests: flag(true), synchronize: enabled(false) }),
    generate: list(object({ expression: text, template: object({ interpolate: { ...oneOf('none', 'cel'), default: 'none' }, value: text }, ['value']) })),
  }, ['generate']),
  DeletingPolicy: object({ matchConstraints: object(constraints), conditions: named, variables: named, schedule: text, deletionPropagationPolicy: oneOf('Foreground', 'Background', 'Orphan') }, ['schedule']),
  ImageValidatingPolicy: object({
    ...matching, ...webhook, validations, validationActions: actions, auditAnnotations: audit, autogen: autogen(), evaluation: object(evaluation), images: named,
    matchImageReferences: list(object({ glob: text, expression: text })),
    credentials: object({ allowInsecureRegistry: flag(), providers: list(oneOf('default', 'amazon', 'azure', 'google', 'github')), secrets: list(text) }),
    validationConfigurations: { ...object({ mutateDigest: flag(true), required: flag(true), verifyDigest: flag(true) }), default: {} },
    attestors: list(object({ name: text, cosign: object({ annotations: map(text), certificate: open, ctlog: open, key: open, keyless: open, source: open, trustedRoot: open, tuf: open }), notary: object({ certs: open, tsaCerts: open }) }, ['name'])),
    attestations: list(object({ name: text, intoto: object({ type: text }, ['type']), referrer: object({ type: text }, ['type']) }, ['name'])),
  }, ['attestors', 'validations']),
  PolicyException: object({
    policyRefs: list(object({ name: text, kind: text }, ['kind', 'name'])), matchConditions: named, allowedValues: list(text), images: list(text), properties: map(text), evaluationMode: text, expiresAt: text,
    reportResult: { ...oneOf('skip', 'pass'), default: 'skip' },
  }, ['policyRefs']),
}

const condition = object({ type: text, status: oneOf('True', 'False', 'Unknown'), reason: text, message: text, observedGeneration: { type: 'integer', format: 'int64' }, lastTransitionTime: { type: 'string', format: 'date-time' } }, ['type', 'status'])
const status = object({ autogen: open, generated: flag(), lastExecutionTime: { type: 'string', format: 'date-time' }, conditionStatus: object({ ready: flag(), message: text, conditions: list(condition) }) })

/** The schema of a kind of policies.kyverno.io; its `Namespaced…` form has the same. */
export function kyvernoCrdSchema(kind: string): Schema {
  const spec = specs[kind.replace(/^Namespaced/, '')]
  if (spec === undefined) throw new Error(`no schema for ${kind}`)
  return { type: 'object', required: ['spec'], properties: { apiVersion: text, kind: text, metadata: { type: 'object' }, spec, ...(kind === 'PolicyException' ? {} : { status }) } }
}
