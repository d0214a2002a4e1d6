export * from './core.ts'
// The two that take what Node has; those of core.ts take it as an argument.
export { nodeSprigHost } from './node/sprig-host.ts'
export { sprigFunctions } from './node/sprig-functions.ts'
