import { CodedError, isCoded } from '@idp/kit'
import { platformGateway } from '@idp/platform/gateway'
import { clusterClient } from '../cluster-client.ts'
import { runningTarget, target, type CommandContext, type Target } from '../context.ts'
import { runProgram } from '../run-program.ts'
import { thisMachine, type Machine } from '../trust/machine.ts'
import { authorityFile, readTrust, writeTrust } from '../trust/trust-file.ts'
import { addTrust, authorityOf, removeTrust, type StoreReport } from '../trust/trust.ts'

export interface TrustOptions { readonly remove?: boolean; readonly print?: boolean }

/** Lets this user's browsers and programs trust the CA of a cluster, or no longer. */
export async function trust(context: CommandContext, options: TrustOptions, machine: Machine = thisMachine(runProgram)): Promise<void> {
  if (options.remove === true && options.print === true) throw new CodedError({ code: 'WrongUsage', message: '--remove and --print exclude each other' })
  if (options.remove === true) return removed(context, await target(context), machine)
  const found = await runningTarget(context)
  const { httpsPort, httpPort, gatewayAddress } = found.record
  const { ca } = await platformGateway(await clusterClient(found.directory), found.name, { https: httpsPort, http: httpPort, address: gatewayAddress })
  const authority = authorityOf(found.name, ca, authorityFile(found.directory))
  if (options.print === true) {
    context.report.result(authority.pem.trimEnd(), { name: found.name, certificate: authority.pem, fingerprint: authority.fingerprint })
    return
  }
  const { reports, record } = await addTrust(machine, authority, await readTrust(found.directory))
  await writeTrust(found.directory, record)
  const lines = [
    `the CA of cluster '${found.name}' (SHA-256 ${authority.fingerprint.slice(0, 16)}…) is in ${authority.file}`, ...reports.flatMap((report) => linesOf(report, 'trusted by', 'not trusted yet by')),
    'Programs that do not ask the system take the file:', `  Node.js  NODE_EXTRA_CA_CERTS=${authority.file}`, `  git      GIT_SSL_CAINFO=${authority.file}`, `  curl     curl --cacert ${authority.file} …`,
    "Browsers that are open may have to be started again. 'idp trust --remove' takes it out again.",
  ]
  context.report.result(lines.join('\n'), { event: 'summary', name: found.name, fingerprint: authority.fingerprint, file: authority.file, stores: reports.map(dataOf) })
}

async function removed(context: CommandContext, found: Target, machine: Machine): Promise<void> {
  const reports = await forgetTrust(found, machine)
  const text = reports.length === 0 ? `the CA of cluster '${found.name}' is in no trust store` : reports.flatMap((report) => linesOf(report, 'no longer trusted by', 'still trusted by')).join('\n')
  context.report.result(text, { event: 'summary', name: found.name, removed: true, stores: reports.map(dataOf) })
}

/** Takes a cluster's CA out of the stores it was put into; what is left is remembered. */
export async function forgetTrust({ name, directory }: Pick<Target, 'name' | 'directory'>, machine: Machine = thisMachine(runProgram)): Promise<readonly StoreReport[]> {
  const known = await readTrust(directory)
  if (known === undefined) return []
  const { reports, record } = await removeTrust(machine, authorityOf(name, known.pem, authorityFile(directory)), known)
  await writeTrust(directory, record)
  return reports
}

/** What `destroy` does about trust, as lines to print: nothing that is wrong here keeps a cluster from being destroyed. */
export async function endTrust(found: Pick<Target, 'name' | 'directory'>, machine?: Machine): Promise<string> {
  try {
    const reports = await forgetTrust(found, machine)
    return reports.flatMap((report) => linesOf(report, 'its CA is no longer trusted by', 'its CA is still trusted by')).map((line) => `\n${line}`).join('')
  } catch (error) {
    if (!isCoded(error)) throw error
    return `\n· its CA may still be in trust stores: ${error.message}; look for certificates named 'idp ${found.name} …'`
  }
}

/** What a person is told of one store: what was done, or why not and how to. */
export function linesOf({ audience, outcome }: StoreReport, yes: string, no: string): string[] {
  if (outcome.done) return [`✓ ${yes} ${audience}${'already' in outcome ? ', as before' : ''}`]
  return [`· ${no} ${audience}: ${outcome.reason}`, ...outcome.commands.map((command) => `    ${command}`)]
}

function dataOf({ id, audience, outcome }: StoreReport): object {
  return { id, audience, ...outcome }
}
