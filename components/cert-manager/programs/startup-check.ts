import { isApiError } from '@idp/api'
import type { Program } from '@idp/sandbox'
import { CodedError, messageOf, sleep } from '@idp/kit'
import { parseGoDuration } from '../engine/go-duration.ts'
import { CertificateRequest } from '../kinds/cert-manager.ts'
import { flag, managed } from './process.ts'

/** cmctl check api: succeeds when cert-manager's API takes and refuses objects as it should. */
export const startupCheck: Program = {
  images: ['quay.io/jetstack/cert-manager-startupapicheck'],
  async main({ client, clock, signal, args, pod, stdout }) {
    const api = managed(client)
    const until = clock.now() + (parseGoDuration(flag(args, 'wait') ?? '1m') ?? 60_000)
    for (;;) {
      const problem = await check().catch((error: unknown) => messageOf(error))
      if (problem === undefined) {
        stdout('The cert-manager API is ready')
        return 0
      }
      stdout(`Not ready: ${problem}`)
      if (clock.now() >= until || signal.aborted) throw new CodedError({ code: 'NotReady', message: `the cert-manager API is not ready: ${problem}` })
      await sleep(clock, 1000, signal)
    }
    async function check(): Promise<string | undefined> {
      try {
        await api.create(CertificateRequest, { apiVersion: 'cert-manager.io/v1', kind: 'CertificateRequest', metadata: { generateName: 'cmapichecker-', namespace: pod.namespace }, spec: { request: Buffer.from('invalid').toString('base64'), issuerRef: { name: 'cmapichecker' } } }, { dryRun: true })
        return 'an invalid request was accepted'
      } catch (error) {
        if (isApiError(error) && /spec\.request/.test(error.message)) return undefined
        throw error
      }
    }
  },
}
