import { messageOf, rfc3339 } from '@idp/kit'
import { untilAborted, type Program } from '@idp/sandbox'
import { groupsOf, notification, statusOf, type Alert, type Silence } from '../engine/alertmanager/alerts.ts'
import { answerAlertApi, postSilence, type AlertState, type PostedSilence } from '../engine/alertmanager/api.ts'
import { readAlertmanagerConfig } from '../engine/alertmanager/config.ts'
import { metricsResponse } from '../engine/metrics-text.ts'
import { portOf, readFlags } from './flags.ts'

/** How often groups are looked at, and how long an ended alert is kept. */
const tickMs = 1000
const keptMs = 15 * 60_000

interface Told { /** When the group was last told. */ at: number; /** What was told, so that only news is told before the repeat interval. */ text: string; /** When the group was first seen. */ since: number }

/** Stands in for Alertmanager: takes alerts, groups, silences and inhibits them, tells receivers by webhook. */
export const alertmanager: Program = {
  images: ['quay.io/prometheus/alertmanager', 'docker.io/prom/alertmanager'],
  async main({ args, clock, files, log, net, pod, random, signal }) {
    const flags = readFlags(args)
    const configFile = flags.get('config.file') ?? '/etc/alertmanager/alertmanager.yml'
    const keptFile = `${flags.get('storage.path') ?? '/alertmanager'}/silences.json`
    const externalUrl = (flags.get('web.external-url') ?? `http://${pod.name}:9093`).replace(/\/$/, '')
    let text = await files.readText(configFile)
    let config = readAlertmanagerConfig(text, configFile)
    const alerts = new Map<string, Alert>()
    const silences = new Map<string, Silence>()
    const told = new Map<string, Told>()
    const counts = { sent: 0, failed: 0 }
    const state: AlertState = { alerts, silences, config: () => config, configText: () => text, now: () => clock.now(), startedAt: clock.now(), random }
    if (await files.exists(keptFile)) for (const one of JSON.parse(await files.readText(keptFile)) as PostedSilence[]) postSilence(one, state)
    const load = async (): Promise<void> => {
      const next = await files.readText(configFile)
      config = readAlertmanagerConfig(next, configFile)
      text = next
      log.info('completed loading of configuration file', { file: configFile })
    }
    const tell = async (url: string, body: unknown): Promise<void> => {
      try {
        const response = await net.fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal })
        await response.body?.cancel()
        if (!response.ok) throw new Error(`answered ${response.status}`)
        counts.sent++
      } catch (error) {
        counts.failed++
        log.warn('a notification could not be sent', { url, error: messageOf(error) })
      }
    }
    const round = async (): Promise<void> => {
      const now = clock.now()
      for (const [key, alert] of alerts) if (now - alert.endsAt > keptMs) alerts.delete(key)
      const heard = [...alerts.values()].filter((alert) => statusOf(alert, alerts.values(), silences.values(), config, now).state === 'active')
      const groups = groupsOf(heard, config)
      for (const group of groups) {
        const known = told.get(group.key) ?? { at: 0, text: '', since: now }
        told.set(group.key, known)
        const news = JSON.stringify(group.alerts.map(({ fingerprint, endsAt }) => [fingerprint, endsAt > now]))
        const wait = known.at === 0 ? known.since + group.route.groupWait : news === known.text ? known.at + group.route.repeatInterval : known.at + group.route.groupInterval
        if (now < wait || (known.at === 0 && group.alerts.every(({ endsAt }) => endsAt <= now))) continue
        known.at = now
        known.text = news
        const receiver = config.receivers.find(({ name }) => name === group.route.receiver)
        for (const notifier of receiver?.notifiers ?? []) await tell(notifier.url, notification(group, notifier, externalUrl, now))
      }
      for (const key of told.keys()) if (!groups.some((group) => group.key === key)) told.delete(key)
    }
    await using _listener = await net.listen(portOf(flags.get('web.listen-address'), 9093), { handler: async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname.startsWith('/api/v2/')) {
        const answer = await answerAlertApi(request, state)
        if (request.method !== 'GET' && pathname.includes('silence')) await keep()
        return answer ?? new Response('not found\n', { status: 404 })
      }
      if (pathname === '/-/healthy' || pathname === '/-/ready') return new Response('OK')
      if (pathname === '/-/reload' && request.method === 'POST') return load().then(() => new Response(''), (error: unknown) => new Response(`failed to reload config: ${messageOf(error)}\n`, { status: 500 }))
      if (pathname === '/metrics') return metricsResponse([
        { name: 'alertmanager_alerts', type: 'gauge', help: 'How many alerts by state.', samples: (['active', 'suppressed'] as const).map((one) => ({ labels: { state: one }, value: [...alerts.values()].filter((alert) => alert.endsAt > clock.now() && statusOf(alert, alerts.values(), silences.values(), config, clock.now()).state === one).length })) },
        { name: 'alertmanager_notifications_total', type: 'counter', help: 'The total number of attempted notifications.', samples: [{ labels: { integration: 'webhook' }, value: counts.sent + counts.failed }] },
        { name: 'alertmanager_notifications_failed_total', type: 'counter', help: 'The total number of failed notifications.', samples: [{ labels: { integration: 'webhook' }, value: counts.failed }] },
      ])
      return new Response('404 page not found\n', { status: 404 })
    } })
    const keep = (): Promise<void> => files.write(keptFile, JSON.stringify([...silences.values()].filter(({ endsAt }) => endsAt > clock.now()).map(({ id, matchers, startsAt, endsAt, createdBy, comment }) => ({
      id, createdBy, comment, startsAt: rfc3339(startsAt), endsAt: rfc3339(endsAt), matchers: matchers.map(({ label, op, value }) => ({ name: label, value, isRegex: op.includes('~'), isEqual: !op.startsWith('!') })),
    }))))
    let timer = clock.timer(tickMs, tick)
    function tick(): void {
      void round().then(() => { timer = clock.timer(tickMs, tick) })
    }
    log.info('alertmanager is ready')
    await untilAborted(signal)
    timer[Symbol.dispose]()
    return 0
  },
}
