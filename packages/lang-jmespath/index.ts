export { jmesPath, type JmesPath } from './jmespath.ts'
export { matchesWildcard } from './kyverno-functions.ts'
