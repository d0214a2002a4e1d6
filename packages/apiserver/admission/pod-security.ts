import type { ServerContext } from '../server-context.ts'
import type { AdmissionPlugin } from './admission.ts'

/** Pod Security Standards by namespace label. */
export function podSecurity(_server: Pick<ServerContext, 'storage' | 'registry'>): AdmissionPlugin {
  return { name: 'PodSecurity' }
}
