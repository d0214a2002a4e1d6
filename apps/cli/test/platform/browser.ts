import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { before, test, type TestContext } from 'node:test'
import type { Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { AnyObject, JsonObject } from '@idp/formats'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import { run } from '../idp-process.ts'
import type { StartedPlatform } from './started-platform.ts'

function onPath(...names: readonly string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path))
}

const browser = onPath('chromium', 'chromium-browser', 'google-chrome') ?? ['/usr/bin/chromium'].find((path) => existsSync(path))
const certutil = onPath('certutil')
const curl = onPath('curl')
const noCurl = curl === undefined && 'no curl on PATH'
const noBrowser = browser === undefined ? 'no Chromium found: install Debian package chromium' : certutil === undefined && 'no certutil found, which makes Chromium trust a CA: install Debian package libnss3-tools'

/** A browser with a new profile; what it trusts besides public roots is in the NSS database of its home: `ca`, a PEM file. */
async function openBrowser(t: TestContext, home: string, ca?: string): Promise<BrowserContext> {
  const database = join(home, '.pki', 'nssdb')
  await mkdir(database, { recursive: true })
  const authority = ca === undefined ? [] : [['-A', '-d', `sql:${database}`, '-n', 'idp', '-t', 'C,,', '-i', ca]]
  for (const args of [['-N', '-d', `sql:${database}`, '--empty-password'], ...authority]) {
    const said = await run(certutil ?? '', args)
    assert.equal(said.code, 0, said.err)
  }
  const context = await chromium.launchPersistentContext(join(home, 'profile'), {
    ...(browser === undefined ? {} : { executablePath: browser }), headless: true, timeout: 60_000,
    env: { ...(process.env as Record<string, string>), HOME: home, XDG_CONFIG_HOME: join(home, 'config'), XDG_DATA_HOME: join(home, 'share') },
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-dev-shm-usage', '--no-proxy-server', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  t.after(() => context.close())
  context.setDefaultTimeout(30_000)
  return context
}

async function firstPage(context: BrowserContext): Promise<Page> {
  return context.pages()[0] ?? context.newPage()
}

async function logIn(page: Page, password: string): Promise<void> {
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
}

/** What a person's own tools see of the platform: curl and a browser, with certificates verified as on any machine that trusts the platform's CA. */
export function browserTests(started: () => StartedPlatform): void {
  let platform: StartedPlatform
  let client: Client
  let applications: Kind<AnyObject>
  let url: string
  before(async () => {
    platform = started()
    client = platform.client
    applications = await client.kindOf('argoproj.io/v1alpha1', 'Application')
    url = (await platform.idp('open', 'argocd', '--print')).out.trim()
  })

  test('curl gets a page through the gateway over verified TLS, and refuses it without the CA', { skip: noCurl }, async () => {
    const get = (host: string, ...more: string[]) => run(curl ?? '', ['--silent', '--show-error', '--fail', '--noproxy', '*', '--resolve', `${host}:${platform.ports.https}:127.0.0.1`, ...more, `https://${host}:${platform.ports.https}/login`])
    for (const host of ['argocd.idp.localhost', 'argocd.127-0-0-1.nip.io']) {
      const page = await get(host, '--cacert', platform.caFile)
      assert.equal(page.code, 0, page.err)
      assert.match(page.out, /Log in to Argo CD/)
    }
    assert.equal((await get('argocd.idp.localhost')).code, 60)
  })

  test('a browser that does not know the CA shows no page', { skip: noBrowser }, async (t) => {
    const page = await firstPage(await openBrowser(t, join(platform.home, 'stranger')))
    await assert.rejects(page.goto(url), /ERR_CERT_AUTHORITY_INVALID/)
  })

  test('a browser that trusts the CA logs in to Argo CD and sees every Application live, with what is wrong', { skip: noBrowser }, async (t) => {
    const page = await firstPage(await openBrowser(t, join(platform.home, 'friend'), platform.caFile))
    const complaints: string[] = []
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))

    const answer = await page.goto(url)
    assert.equal(page.url(), `${url.replace(/\/$/, '')}/login`)
    assert.equal((await answer?.securityDetails())?.issuer, 'idp-demo-ca')
    const password = /password:\s*(\S+)/.exec((await platform.idp('secret', 'argocd')).out)?.[1] ?? ''
    await logIn(page, 'not the password')
    await page.getByRole('alert').filter({ hasText: 'wrong' }).waitFor()
    assert.equal(complaints.splice(0).length, 1, 'the browser notes the refusal')
    await logIn(page, password)

    const names = (await client.list(applications, { namespace: 'argocd' })).items.map((app) => app.metadata.name ?? '').sort()
    await page.locator(`tr.app:nth-of-type(${names.length})`).waitFor()
    assert.deepEqual((await page.locator('tr.app').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-name') ?? ''))).sort(), names)
    assert.equal(await page.locator('td.Synced').count(), names.length)
    assert.equal(await page.locator('td.Healthy').count(), names.length)
    assert.match(await page.locator('#count').innerText(), /all well/)
    await seeChangesLive(page)
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.waitForURL('**/login')
    await page.goto(url)
    assert.match(page.url(), /\/login$/)
    assert.deepEqual(complaints, [])
  })

  /** A new Application with a wrong path, its correction and its end, all on the page that was opened once. */
  async function seeChangesLive(page: Page): Promise<void> {
    const at = { namespace: 'argocd' }
    const { spec } = await client.get(applications, 'cicd-sonarqube', at) as AnyObject & { spec: { source: JsonObject; destination: JsonObject } }
    const row = page.locator('tr.app[data-name=a-trial]')
    await page.evaluate('globalThis.openedOnce = true')
    const began = performance.now()
    await client.create(applications, { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name: 'a-trial', ...at }, spec: { project: 'default', destination: spec.destination, source: { ...spec.source, path: 'K8s/cicd/nowhere' } } })
    await page.locator('tr.app[data-name=a-trial] + tr.wrong').filter({ hasText: 'K8s/cicd/nowhere: app path does not exist' }).waitFor()
    const broken = performance.now()
    assert.match(await page.title(), /^\(1\)/)
    assert.equal(await page.locator('tr.app').first().getAttribute('data-name'), 'a-trial', 'what is wrong comes first')
    await client.patch(applications, 'a-trial', { spec: { source: { path: 'K8s/cicd/sonarqube' } } }, { ...at, type: 'merge' })
    await row.locator('td.OutOfSync').waitFor()
    const corrected = performance.now()
    await page.locator('tr.wrong').filter({ hasText: 'Differs from Git' }).waitFor()
    await client.delete(applications, 'a-trial', at)
    await row.waitFor({ state: 'detached' })
    assert.equal(await page.evaluate('globalThis.openedOnce'), true, 'without a reload')
    console.log(`# on the page: broken after ${Math.round(broken - began)} ms, corrected after ${Math.round(corrected - broken)} ms, gone after ${Math.round(performance.now() - corrected)} ms`)
  }
}
