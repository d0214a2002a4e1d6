export { jmesPath, type EvaluateOptions, type JmesPath } from './jmespath.ts'
export { matchesWildcard } from './kyverno-functions.ts'
export { parseImage, type ImageReference } from './image-reference.ts'
