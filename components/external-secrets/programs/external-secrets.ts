import { CodedError } from '@idp/kit'
import type { Program } from '@idp/sandbox'
import { runCertController } from './cert-controller.ts'
import { runController } from './controller.ts'
import { runWebhook } from './webhook.ts'

/** One image, three roles: the operator, `webhook` and `certcontroller`. */
export const externalSecrets: Program = {
  images: ['ghcr.io/external-secrets/external-secrets', 'oci.external-secrets.io/external-secrets/external-secrets'],
  main(container) {
    const role = container.args.find((arg) => !arg.startsWith('-')) ?? ''
    if (role === '') return runController(container)
    if (role === 'webhook') return runWebhook(container)
    if (role === 'certcontroller') return runCertController(container)
    throw new CodedError({ code: 'UnknownCommand', message: `external-secrets has no command ${JSON.stringify(role)}`, where: container.pod.name, remedy: 'use none, webhook or certcontroller' })
  },
}
