import type { BackendRequest, Route } from '../backend.ts'
import type { Active } from '../core/active.ts'
import { flag, pairs, text } from '../fields.ts'
import { badRequest } from '../vault-error.ts'

/** `sys/audit` and `sys/audit-hash`. */
export function auditRoutes({ audit }: Active): Route[] {
  const pathOf = ({ params }: BackendRequest): string => `${(params['path'] ?? '').replace(/\/$/, '')}/`
  return [
    { path: 'audit', sudo: true, read: () => ({ data: Object.fromEntries(audit.devices().map(({ salt: _salt, ...device }) => [device.path, device])) }) },
    {
      path: 'audit/*path',
      sudo: true,
      write: async (request) => {
        const { data } = request
        await audit.enable({ path: pathOf(request), type: text(data, 'type'), description: text(data, 'description'), options: pairs(data, 'options'), local: flag(data, 'local') })
        return undefined
      },
      delete: (request) => void audit.disable(pathOf(request)),
    },
    {
      path: 'audit-hash/*path',
      write: (request) => {
        const input = text(request.data, 'input')
        if (input === '') throw badRequest("the \"input\" parameter is empty")
        return { data: { hash: audit.hash(pathOf(request), input) } }
      },
    },
  ]
}
