import { execFile } from 'node:child_process'
import { CodedError } from '@idp/kit'
import { platformUrls } from '@idp/platform/urls'
import { clusterClient } from '../cluster-client.ts'
import { runningTarget, type CommandContext } from '../context.ts'

/** Opens the page of an application, or prints its URL; `git` is printed with credentials. */
export async function open(context: CommandContext, name: string, options: { readonly print?: boolean }): Promise<void> {
  const found = await runningTarget(context)
  const urls = await platformUrls(await clusterClient(found.directory), found.record.httpsPort)
  const entry = urls.find((one) => one.name === name)
  if (entry === undefined) throw new CodedError({ code: 'NoSuchPage', message: `there is no page called '${name}'`, remedy: `There are ${urls.map((one) => one.name).join(', ')}` })
  const url = entry.urlWithCredentials ?? entry.url
  if (options.print === true || name === 'git') {
    context.report.result(url, { name, url })
    return
  }
  const opener = process.platform === 'darwin' ? 'open' : process.platform === 'win32' ? 'explorer' : 'xdg-open'
  await new Promise<void>((resolve) => execFile(opener, [url], (error) => {
    context.report.result(error === null ? `opened ${url}` : `open this in a browser: ${url}`, { name, url, opened: error === null })
    resolve()
  }))
}
