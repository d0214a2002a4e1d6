/** What External Secrets' definitions have beyond the types of its models package: newer fields and kinds, and schemas kept short where we refuse what they describe. */
import { crdSchema, type Schema } from './crd-schema.ts'

export const externalSecrets = '@kubernetes-models/external-secrets'

const open: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
/** Any value, also none. */
const anything: Schema = { 'x-kubernetes-preserve-unknown-fields': true }
const string: Schema = { type: 'string' }
const boolean: Schema = { type: 'boolean' }
const integer: Schema = { type: 'integer' }
const time: Schema = { type: 'string', format: 'date-time' }
const strings: Schema = { type: 'array', items: string }
const oneOf = (...values: string[]): Schema => ({ type: 'string', enum: values })
const object = (properties: Record<string, Schema>, ...required: string[]): Schema => ({ type: 'object', properties, ...(required.length > 0 ? { required } : {}) })
const map = (values: Schema): Schema => ({ type: 'object', additionalProperties: values })

/** Providers whose schema is spelled out: those that the operator has. */
const provided = ['fake', 'kubernetes', 'vault', 'webhook']
/** Providers that are newer than the models package, or that only v1beta1 had. */
const otherProviders = ['alibaba', 'barbican', 'beyondtrustworkloadcredentials', 'crd', 'device42', 'dvls', 'nebiusmysterybox', 'ngrok', 'onepasswordSDK', 'openBao', 'ovh', 'volcengine']

const vault: Fields = { checkAndSet: object({ required: boolean }), 'auth.cert.path': string, 'auth.cert.vaultRole': string, 'auth.gcp': open, 'auth.iam': open }
const encodings = oneOf('Auto', 'Base64', 'Base64URL', 'None')
const nullBytes = oneOf('Ignore', 'Fail')
const template: Fields = { 'metadata.finalizers': strings, 'templateFrom[].valuesDecodingStrategy': encodings }
const externalSecret: Fields = {
  'data[].remoteRef.nullBytePolicy': nullBytes, 'dataFrom[].extract.nullBytePolicy': nullBytes, 'dataFrom[].find.nullBytePolicy': nullBytes,
  'dataFrom[].rewrite[].merge': object({ into: string, priority: strings, priorityPolicy: oneOf('Strict', 'IgnoreNotFound'), conflictPolicy: oneOf('Ignore', 'Error'), strategy: oneOf('Extract', 'JSON') }),
  syncWindows: object({ kind: oneOf('allow', 'deny'), windows: { type: 'array', items: object({ schedule: string, duration: string }, 'duration', 'schedule') } }),
  'target.manifest': object({ apiVersion: string, kind: string }, 'apiVersion', 'kind'),
  ...under('target.template', template),
  'data[].sourceRef.generatorRef.kind': string, 'dataFrom[].sourceRef.generatorRef.kind': string,
}
const store: Fields = { 'spec.refreshInterval': { 'x-kubernetes-int-or-string': true, nullable: true }, 'spec.provider.fake.validationResult': integer, ...under('spec.provider.vault', vault) }
const pushSecret: Fields = {
  ...under('template', template), 'data[].metadata': anything, 'selector.generatorRef.kind': string,
  dataTo: {
    type: 'array', items: object({
      storeRef: object({ name: string, kind: string, labelSelector: open }), remoteKey: string, match: object({ regexp: string }), metadata: anything, conversionStrategy: oneOf('None', 'ReverseUnicode'),
      rewrite: { type: 'array', items: object({ regexp: object({ source: string, target: string }, 'source', 'target'), transform: object({ template: string }, 'template') }) },
    }),
  },
}
const password: Fields = { encoding: oneOf('base64', 'base64url', 'base32', 'hex', 'raw'), secretKeys: { ...strings, minItems: 1 } }
const dynamicSecret: Fields = { getParameters: map(strings), parameters: anything, ...under('provider', vault) }

const sshKey: Schema = object({ keyType: oneOf('rsa', 'ecdsa', 'ed25519'), keySize: integer, comment: string })
const secretRef: Schema = object({ name: string, key: string, namespace: string })
const mfa: Schema = object({ secret: secretRef, length: integer, timePeriod: integer, algorithm: string, when: time }, 'secret')
/** Generators that only clouds and other products serve. */
const refusedGenerators: Readonly<Record<string, string>> = {
  ACRAccessToken: 'acrAccessTokenSpec', BeyondtrustWorkloadCredentialsDynamicSecret: 'beyondtrustWorkloadCredentialsDynamicSecretSpec', CloudsmithAccessToken: 'cloudsmithAccessTokenSpec',
  ECRAuthorizationToken: 'ecrAuthorizationTokenSpec', GCRAccessToken: 'gcrAccessTokenSpec', GithubAccessToken: 'githubAccessTokenSpec', GitlabDeployToken: 'gitlabDeployTokenSpec',
  Grafana: 'grafanaSpec', QuayAccessToken: 'quayAccessTokenSpec', STSSessionToken: 'stsSessionTokenSpec',
}

/** Schemas to put in, by path below the kind (`[]` is every item); those that stand are replaced. */
type Fields = Readonly<Record<string, Schema>>

function under(path: string, fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, schema]) => [`${path}.${name}`, schema]))
}

/** Fields of each kind that the models package lacks or that say too much. */
const fields: Readonly<Record<string, Fields>> = {
  ExternalSecret: under('spec', externalSecret),
  ClusterExternalSecret: under('spec.externalSecretSpec', externalSecret),
  SecretStore: store, ClusterSecretStore: store,
  PushSecret: under('spec', pushSecret), ClusterPushSecret: under('spec.pushSecretSpec', pushSecret),
  Password: under('spec', password),
  VaultDynamicSecret: under('spec', dynamicSecret),
  ClusterGenerator: {
    'spec.kind': string, ...under('spec.generator', { ...Object.fromEntries(Object.values(refusedGenerators).map((name) => [name, open])), mfaSpec: mfa, sshKeySpec: sshKey, ...under('passwordSpec', password), ...under('vaultDynamicSecretSpec', dynamicSecret) }),
  },
  GeneratorState: { 'spec.resource': anything, 'spec.state': anything },
}

/** Whole specs: kinds that the models package does not have, and those that stay open because they are refused. */
const specs: Readonly<Record<string, Schema>> = { ...Object.fromEntries(Object.keys(refusedGenerators).map((kind) => [kind, open])), SSHKey: sshKey, MFA: mfa }

/** All kinds of generators. */
export const generators: readonly string[] = ['Password', 'UUID', 'VaultDynamicSecret', 'Webhook', 'Fake', 'ClusterGenerator', ...Object.keys(specs)]

export function externalSecretsSchema(group: string, version: string, kind: string): Schema {
  const spec = specs[kind]
  if (spec !== undefined) return object({ apiVersion: string, kind: string, metadata: { type: 'object' }, spec })
  return withFields(crdSchema(externalSecrets, group, version, kind), fields[kind] ?? {})
}

/** A copy with the fields put in, and with the schemas of providers we refuse left open. */
function withFields(schema: Schema, added: Fields): Schema {
  const copy = structuredClone(schema)
  const providers = propertiesOf(propertiesOf(propertiesOf(copy)['spec'])['provider'])
  if ('vault' in providers) for (const name of [...Object.keys(providers), ...otherProviders]) if (!provided.includes(name)) providers[name] = open
  for (const [path, field] of Object.entries(added)) {
    const steps = path.split('.')
    const last = steps.pop() ?? ''
    let at: Schema | undefined = copy
    for (const step of steps) {
      at = propertiesOf(at)[step.replace('[]', '')]
      if (step.endsWith('[]')) at = at?.['items'] as Schema | undefined
    }
    if (at === undefined) throw new Error(`no field above ${path}`)
    at['properties'] = { ...propertiesOf(at), [last]: field }
  }
  return copy
}

function propertiesOf(schema: Schema | undefined): Record<string, Schema> {
  return (schema?.['properties'] ?? {}) as Record<string, Schema>
}
