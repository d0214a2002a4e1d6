import { ApiError } from '@idp/api'
import type { ResourceRequest } from '../server-context.ts'

export interface WriteParameters {
  readonly dryRun: boolean
  readonly fieldManager: string
  readonly fieldValidation: 'Ignore' | 'Warn' | 'Strict'
  readonly force: boolean
}

/** `fieldManager`, `dryRun`, `fieldValidation` and `force` of a write. */
export function writeParameters({ search, request }: Pick<ResourceRequest, 'search' | 'request'>): WriteParameters {
  const dryRun = search.getAll('dryRun')
  if (dryRun.some((value) => value !== 'All' && value !== '')) throw new ApiError('BadRequest', `dryRun: Unsupported value: ${JSON.stringify(dryRun)}: supported values: "All"`)
  const fieldValidation = search.get('fieldValidation') || 'Warn'
  if (fieldValidation !== 'Ignore' && fieldValidation !== 'Warn' && fieldValidation !== 'Strict') {
    throw new ApiError('BadRequest', `fieldValidation: Unsupported value: ${JSON.stringify(fieldValidation)}: supported values: "Ignore", "Warn", "Strict"`)
  }
  return { dryRun: dryRun.includes('All'), fieldManager: search.get('fieldManager') || agentName(request), fieldValidation, force: search.get('force') === 'true' }
}

/** Without a field manager upstream takes the program's name from the user agent. */
function agentName(request: Request): string {
  const agent = request.headers.get('user-agent') ?? ''
  return agent.split('/')[0]?.slice(0, 128) || 'unknown'
}
