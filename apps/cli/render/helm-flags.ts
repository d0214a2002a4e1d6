import type { Flag } from './flags.ts'

const nothingInstalled = 'nothing is installed'
const on = (name: string, help: string, more: Partial<Flag> = {}): Flag => ({ name, value: 'none', help, ...more })
const text = (name: string, help: string, more: Partial<Flag> = {}): Flag => ({ name, value: 'one', help, ...more })

/** Every flag of `helm template` (4.1), and `--validate` of Helm 3. */
export const helmFlags: readonly Flag[] = [
  { name: 'api-versions', short: 'a', value: 'list', help: 'more .Capabilities.APIVersions' },
  text('ca-file', 'CA bundle for HTTPS repositories'), text('cert-file', 'client certificate for HTTPS repositories'), text('key-file', 'its key'),
  on('create-namespace', 'create the namespace', { idle: nothingInstalled }), on('dependency-update', 'fetch dependencies that are missing'),
  text('description', 'description of the release', { idle: nothingInstalled }), on('devel', 'development versions too'), on('disable-openapi-validation', 'with --validate, do not check against the schema'),
  { name: 'dry-run', value: { optional: 'client' }, help: 'client, or server: lookup and capabilities come from the cluster' },
  on('enable-dns', 'look up names', { refused: 'templates reach no network; give addresses as values' }), on('force-conflicts', 'win conflicts', { idle: nothingInstalled }), on('force-replace', 'replace objects', { idle: nothingInstalled }),
  on('generate-name', 'make up a name', { short: 'g' }), on('help', 'this', { short: 'h' }), on('hide-notes', 'leave out notes', { idle: 'notes are not printed' }), on('include-crds', 'print the chart\'s CRDs'),
  on('insecure-skip-tls-verify', 'accept any certificate of a repository'), on('is-upgrade', 'set .Release.IsUpgrade'),
  text('keyring', 'public keys', { refused: 'provenance files are not checked; compare digests with the repository\'s index' }), text('kube-version', '.Capabilities.KubeVersion'),
  { name: 'labels', short: 'l', value: 'list', help: 'labels of the release', idle: nothingInstalled }, text('name-template', 'template of the release\'s name'), on('no-hooks', 'leave out hooks'),
  text('output-dir', 'write files instead of printing'), on('pass-credentials', 'give credentials to every host'), text('password', 'password for the repository'), on('plain-http', 'plain HTTP for registries'),
  text('post-renderer', 'a program that gets all manifests on its standard input and prints them changed'), { name: 'post-renderer-args', value: 'many', help: 'an argument for it' },
  on('release-name', 'use the release\'s name in paths of --output-dir'), on('render-subchart-notes', 'notes of subcharts too', { idle: 'notes are not printed' }), on('replace', 'reuse the name', { idle: nothingInstalled }),
  text('repo', 'URL of the chart\'s repository'), on('rollback-on-failure', 'roll back', { idle: nothingInstalled }), { name: 'server-side', value: { optional: 'true' }, help: 'server-side apply', idle: nothingInstalled },
  { name: 'set', value: 'many', help: 'a.b=c,d=e' }, { name: 'set-file', value: 'many', help: 'key=file' }, { name: 'set-json', value: 'many', help: 'key=JSON, or a JSON object' },
  { name: 'set-literal', value: 'many', help: 'key=text, taken as it is' }, { name: 'set-string', value: 'many', help: 'as --set, always text' }, { name: 'show-only', short: 's', value: 'many', help: 'only these templates' },
  on('skip-crds', 'leave out CRDs', { idle: 'they are left out unless --include-crds asks for them' }), on('skip-schema-validation', 'do not check values.schema.json'), on('skip-tests', 'leave out test hooks'), on('take-ownership', 'take over objects', { idle: nothingInstalled }),
  text('timeout', 'time to wait', { idle: nothingInstalled }), text('username', 'user for the repository'), { name: 'values', short: 'f', value: 'list', help: 'values file, URL, or - for standard input' },
  on('verify', 'check provenance', { refused: 'OpenPGP signatures are not checked; compare digests with the repository\'s index' }), text('version', 'version of the chart, or a range'),
  { name: 'wait', value: { optional: 'watcher' }, help: 'wait for the objects', idle: nothingInstalled }, on('wait-for-jobs', 'wait for Jobs', { idle: nothingInstalled }), on('validate', 'check objects against the cluster (Helm 3)'),
  text('burst-limit', 'throttling', { idle: 'there is none' }), text('qps', 'throttling', { idle: 'there is none' }), text('color', 'colours', { idle: 'there are none' }), text('colour', 'colours', { idle: 'there are none' }),
  text('content-cache', 'where fetched charts are kept'), on('debug', 'stack traces'), text('kube-apiserver', 'address of the API server'), { name: 'kube-as-group', value: 'many', help: 'group to act as' }, text('kube-as-user', 'user to act as'),
  text('kube-ca-file', 'CA of the API server'), text('kube-context', 'context of the kubeconfig'), on('kube-insecure-skip-tls-verify', 'accept any certificate of the API server'), text('kube-tls-server-name', 'name in the API server\'s certificate'),
  text('kube-token', 'bearer token'), text('kubeconfig', 'path of the kubeconfig'), { name: 'namespace', short: 'n', value: 'one', help: 'namespace of the release' },
  text('registry-config', 'credentials of registries'), text('repository-cache', 'kept indexes', { idle: '--content-cache has them too' }), text('repository-config', 'names of repositories'),
]
