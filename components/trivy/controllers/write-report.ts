import { isApiError, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { Report } from '../kinds/reports.ts'

/** Creates a report, or puts it in the place of the one that is there. */
export async function writeReport(client: Client, kind: Kind<Report>, report: Report, held: Report | undefined): Promise<void> {
  const fieldManager = 'trivy-operator'
  const { name = '', namespace } = report.metadata
  const replace = async (resourceVersion: string | undefined): Promise<void> => {
    await client.update(kind, { ...report, metadata: { ...report.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) } }, { fieldManager })
  }
  try {
    if (held === undefined) await client.create(kind, report, { fieldManager })
    else await replace(held.metadata.resourceVersion)
  } catch (error) {
    // The owner may be going, or the cache may be behind: what is there then is replaced.
    if (!isApiError(error, 'AlreadyExists')) throw error
    await replace((await client.get(kind, name, { namespace })).metadata.resourceVersion)
  }
}
