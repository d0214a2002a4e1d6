/** One row of upstream's common table (e2e/suites/provider/cases/common): what lies in the source, what asks for it, and the Secret that must come of it. */
export interface Case {
  /** Upstream's function. */
  readonly name: string
  readonly values: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** `STORE` stands for the reference to the store. */
  readonly manifest: string
  readonly want: Readonly<Record<string, string>>
}

const es = (spec: string, name = 'target', more = ''): string => `${more}
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: ${name}, namespace: app }
spec:
  refreshInterval: 5s
  secretStoreRef: STORE
${spec.split('\n').map((line) => `  ${line}`).join('\n')}
`
const people = { first: { name: 'ada', age: 36, friends: ['ben', 'cy'] }, second: { name: 'dan' } }
const dockerConfig = '{"auths":{"registry.example.org":{"auth":"dTpw"}}}'

export const cases: readonly Case[] = [
  { name: 'FindByName', values: { 'find_one': { k: '1' }, 'find_two': { k: '2' }, other: { k: '3' } }, manifest: es("dataFrom: [{ find: { name: { regexp: '^find_' } } }]"), want: { find_one: '{"k":"1"}', find_two: '{"k":"2"}' } },
  { name: 'FindByNameAndRewrite', values: { 'find_one': { k: '1' }, 'find_two': { k: '2' } }, manifest: es("dataFrom: [{ find: { name: { regexp: '^find_' } }, rewrite: [{ regexp: { source: '^find_(.*)$', target: '$1' } }] }]"), want: { one: '{"k":"1"}', two: '{"k":"2"}' } },
  { name: 'JSONDataFromSync', values: people, manifest: es('dataFrom: [{ extract: { key: first } }]'), want: { age: '36', friends: '["ben","cy"]', name: 'ada' } },
  { name: 'JSONDataFromRewrite', values: people, manifest: es("dataFrom: [{ extract: { key: second }, rewrite: [{ regexp: { source: '(.*)', target: 'my_$1' } }] }]"), want: { my_name: 'dan' } },
  { name: 'JSONDataWithProperty', values: people, manifest: es('data: [{ secretKey: one, remoteRef: { key: first, property: name } }, { secretKey: two, remoteRef: { key: second, property: name } }]'), want: { one: 'ada', two: 'dan' } },
  { name: 'JSONDataWithTemplate', values: people, manifest: es("target: { template: { metadata: { labels: { example: foo } }, data: { text: 'hello {{ .one | toString | upper }}', both: '{{ .one }}-{{ .two }}' } } }\ndata: [{ secretKey: one, remoteRef: { key: first, property: name } }, { secretKey: two, remoteRef: { key: second, property: name } }]"), want: { both: 'ada-dan', text: 'hello ADA' } },
  { name: 'DataPropertyDockerconfigJSON', values: { docker: { config: dockerConfig } }, manifest: es("target: { template: { type: kubernetes.io/dockerconfigjson, data: { .dockerconfigjson: '{{ .config | toString }}' } } }\ndata: [{ secretKey: config, remoteRef: { key: docker, property: config } }]"), want: { '.dockerconfigjson': dockerConfig } },
  { name: 'JSONDataWithoutTargetName', values: people, manifest: es('target: {}\ndata: [{ secretKey: name, remoteRef: { key: first, property: name } }]'), want: { name: 'ada' } },
  { name: 'DecodingPolicySync', values: { encoded: { plain: 'not base64!', standard: Buffer.from('a?b>c').toString('base64'), url: Buffer.from('a?b>c~~').toString('base64url') } }, manifest: es('dataFrom: [{ extract: { key: encoded, decodingStrategy: Auto } }]\ndata: [{ secretKey: kept, remoteRef: { key: encoded, property: standard, decodingStrategy: None } }, { secretKey: strict, remoteRef: { key: encoded, property: standard, decodingStrategy: Base64 } }]'), want: { kept: Buffer.from('a?b>c').toString('base64'), plain: 'not base64!', standard: 'a?b>c', strict: 'a?b>c', url: Buffer.from('a?b>c~~').toString('base64url') } },
  { name: 'JSONDataWithTemplateFromLiteral', values: people, manifest: es("target: { template: { templateFrom: [{ literal: \"who: {{ .one }}\\nage: '{{ .age }}'\\n\" }] } }\ndata: [{ secretKey: one, remoteRef: { key: first, property: name } }, { secretKey: age, remoteRef: { key: first, property: age } }]"), want: { age: '36', who: 'ada' } },
  {
    name: 'TemplateFromConfigmaps', values: people,
    manifest: es("target: { template: { templateFrom: [{ configMap: { name: templates, items: [{ key: doc }] } }] } }\ndata: [{ secretKey: one, remoteRef: { key: first, property: name } }]", 'target', "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: templates, namespace: app }\ndata: { doc: 'who: {{ .one }}' }\n---"),
    want: { doc: 'who: ada' },
  },
  { name: 'testJSONWithoutProperty', values: people, manifest: es('data: [{ secretKey: all, remoteRef: { key: first } }]'), want: { all: '{"age":36,"friends":["ben","cy"],"name":"ada"}' } },
  { name: 'testJSONWithProperty', values: people, manifest: es('data: [{ secretKey: friends, remoteRef: { key: first, property: friends } }]'), want: { friends: '["ben","cy"]' } },
  { name: 'testDataFromJSONWithProperty', values: { nested: { inner: { a: '1', b: '2' } } }, manifest: es('dataFrom: [{ extract: { key: nested, property: inner } }]'), want: { a: '1', b: '2' } },
  { name: 'NestedJSONWithGJSON', values: { nested: { people: [{ first: 'ada' }, { first: 'ben' }] } }, manifest: es('data: [{ secretKey: one, remoteRef: { key: nested, property: people.1.first } }]'), want: { one: 'ben' } },
]
