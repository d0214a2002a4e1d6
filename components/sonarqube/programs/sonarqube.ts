import { readFileSync } from 'node:fs'
import { CodedError, messageOf } from '@idp/kit'
import { untilAborted, type Container, type Program } from '@idp/sandbox'
import { createAccounts } from '../engine/accounts.ts'
import { answerApi } from '../engine/api/answer.ts'
import type { Server } from '../engine/api/route.ts'
import { emptyState, type State } from '../engine/state.ts'

const assets = Object.fromEntries([['sonarqube.js', 'text/javascript'], ['sonarqube.css', 'text/css']].map(([name = '', type]) => [`/js/${name}`, { type: `${type}; charset=utf-8`, body: readFileSync(new URL(`../web/${name}`, import.meta.url)) }]))
const page = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>SonarQube</title><link rel="stylesheet" href="/js/sonarqube.css"><body><script type="module" src="/js/sonarqube.js"></script></body></html>'
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'"

/** Stands in for SonarQube's community build: its web API and pages over analyses that are given in generic formats. */
export const sonarqube: Program = {
  images: ['docker.io/library/sonarqube'],
  async main(container) {
    const { env, log, net, signal } = container
    const server = await openServer(container)
    await using _listener = await net.listen(Number(env['SONAR_WEB_PORT'] ?? 9000), { handler: (request) => answer(request, server) })
    log.info('SonarQube is operational', { projects: Object.keys(server.state.projects).length })
    await untilAborted(signal)
    await server.save()
    return 0
  },
}

async function openServer(container: Container): Promise<Server> {
  const { clock, files, log, net, pod, random, env, signal } = container
  const newKey = (): string => Buffer.from(random(12)).toString('hex')
  const file = `${env['SONAR_PATH_DATA'] ?? '/opt/sonarqube/data'}/idp-state.json`
  const state = await files.exists(file) ? readState(await files.readText(file), file) : emptyState(newKey().slice(0, 20).toUpperCase())
  const accounts = createAccounts(state, { clock, random })
  // One write at a time: a later one must not be overtaken by an earlier one.
  let writing: Promise<void> = Promise.resolve()
  const save = (): Promise<void> => writing = writing.catch(() => {}).then(() => files.write(file, JSON.stringify(state)))
  const passwordFile = env['IDP_SONAR_ADMIN_PASSWORD_FILE']
  if (passwordFile === undefined) {
    if (state.passwordHash === undefined) await accounts.setPassword('admin')
  } else {
    const take = async (): Promise<void> => {
      const password = await files.exists(passwordFile) ? (await files.readText(passwordFile)).trim() : ''
      if (password === '') return log.warn('the Secret with the administrator\'s password is not there yet: nobody can sign in', { file: passwordFile })
      if (!await accounts.takeSecret(password)) return
      await save()
      log.info("the administrator's password was taken from its Secret")
    }
    await take()
    void follow(container, passwordFile, take)
  }
  let passcode: string | undefined
  const passcodeFile = env['IDP_SONAR_PASSCODE_FILE']
  if (passcodeFile !== undefined) {
    const take = async (): Promise<void> => { passcode = await files.exists(passcodeFile) ? (await files.readText(passcodeFile)).trim() || undefined : undefined }
    await take()
    void follow(container, passcodeFile, take)
  }
  const version = pod.image.split(':').at(-1)?.replace('-community', '') ?? ''
  return { state, accounts, version, newKey, save, log, now: () => clock.now(), passcode: () => passcode, fetch: (url, init) => net.fetch(url, { ...init, signal }) }
}

/** Looks again whenever a mounted file's directory changes. */
async function follow({ files, log, signal }: Container, file: string, take: () => Promise<void>): Promise<void> {
  try {
    for await (const _change of files.watch(file.slice(0, file.lastIndexOf('/')), signal)) await take()
  } catch (error) {
    if (!signal.aborted) log.error('a mounted file is not followed any more', { file, error: messageOf(error) })
  }
}

function readState(text: string, where: string): State {
  try {
    return { ...emptyState(''), ...JSON.parse(text) as State }
  } catch (error) {
    throw new CodedError({ code: 'InvalidState', message: `the server's data cannot be read: ${messageOf(error)}`, where, remedy: 'delete the file to begin anew' })
  }
}

async function answer(request: Request, server: Server): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (pathname === '/api' || pathname.startsWith('/api/')) return answerApi(request, server)
  const asset = assets[pathname]
  if (asset !== undefined) return new Response(asset.body, { headers: { 'content-type': asset.type, 'cache-control': 'max-age=300' } })
  if (request.method !== 'GET') return new Response('not found\n', { status: 404 })
  return new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': pagePolicy, 'x-content-type-options': 'nosniff' } })
}
