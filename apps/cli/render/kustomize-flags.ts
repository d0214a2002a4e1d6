import type { Flag } from './flags.ts'

const noFunctions = 'no functions are run'

/** Every flag of `kustomize build` and `kubectl kustomize` (5.7). */
export const kustomizeFlags: readonly Flag[] = [
  { name: 'as-current-user', value: 'none', help: 'user of function containers', idle: noFunctions },
  { name: 'enable-alpha-plugins', value: 'none', help: 'external plugins', refused: 'no programs or containers are run while building; use the builtin transformers' },
  { name: 'enable-exec', value: 'none', help: 'executable functions', refused: 'no programs are run while building; use the builtin transformers' },
  { name: 'enable-star', value: 'none', help: 'starlark functions', refused: 'no functions are run while building; use the builtin transformers' },
  { name: 'enable-helm', value: 'none', help: 'inflate charts', idle: 'charts are always inflated, in process' },
  { name: 'env', short: 'e', value: 'many', help: 'environment of functions', idle: noFunctions },
  { name: 'helm-api-versions', value: 'list', help: '.Capabilities.APIVersions of charts' },
  { name: 'helm-command', value: 'one', help: 'the helm program', idle: 'charts are inflated in process' },
  { name: 'helm-debug', value: 'none', help: 'output of helm', idle: 'charts are inflated in process' },
  { name: 'helm-kube-version', value: 'one', help: '.Capabilities.KubeVersion of charts' },
  { name: 'help', short: 'h', value: 'none', help: 'this' },
  { name: 'load-restrictor', value: 'one', help: 'LoadRestrictionsRootOnly or LoadRestrictionsNone' },
  { name: 'mount', value: 'many', help: 'storage of functions', idle: noFunctions },
  { name: 'network', value: 'none', help: 'network of functions', idle: noFunctions },
  { name: 'network-name', value: 'one', help: 'network of functions', idle: noFunctions },
  { name: 'output', short: 'o', value: 'one', help: 'write to a file, or one file an object into a directory' },
  { name: 'reorder', value: 'one', help: 'legacy or none' },
  { name: 'stack-trace', value: 'none', help: 'stack traces on errors', idle: 'see idp --debug' },
]
