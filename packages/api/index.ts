export { apiVersionOf, defineKind, parseApiVersion, resourcePath, type Kind, type KindFields } from './kind.ts'
export { ApiError, isApiError, type Status, type StatusCause, type StatusDetails, type StatusReason } from './errors.ts'
export * from './kinds/index.ts'
