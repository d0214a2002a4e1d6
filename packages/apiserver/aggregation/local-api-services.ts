import { builtInGroupVersions, parseApiVersion } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { messageOf, rfc3339, uuid } from '@idp/kit'
import type { Resource } from '../resource.ts'
import type { ServerContext } from '../server-context.ts'

const automanaged = 'kube-aggregator.kubernetes.io/automanaged'

/** Keeps an APIService for every group version that this server serves itself, as `kubectl get apiservices` lists them. Resolves when those of the built-in ones are there. */
export async function localApiServices(server: Pick<ServerContext, 'storage' | 'registry' | 'clock' | 'random' | 'log'>, apiServices: Resource, definitions: Resource): Promise<void> {
  const { storage, registry, log } = server
  const served = () => new Set(registry.all().filter((resource) => !resource.builtIn).map(({ kind }) => `${kind.group}/${kind.version}`))
  const create = async (groupVersion: string, origin: 'onstart' | 'true') => {
    const object = apiService(server, groupVersion, origin)
    if (storage.entry(apiServices, { name: object.metadata.name ?? '' }) === undefined) await storage.create(apiServices, object)
  }
  const update = async () => {
    const wanted = served()
    for (const groupVersion of wanted) await create(groupVersion, 'true')
    for (const { metadata } of storage.list(apiServices)) {
      const name = metadata.name ?? ''
      const dot = name.indexOf('.')
      if (metadata.labels?.[automanaged] !== 'true' || wanted.has(`${name.slice(dot + 1)}/${name.slice(0, dot)}`)) continue
      const entry = storage.entry(apiServices, { name })
      if (entry !== undefined) await storage.remove(apiServices, entry)
    }
  }
  let running: Promise<void> | undefined
  let again = false
  storage.onWrite(({ resource }) => {
    if (resource.prefix !== definitions.prefix) return
    again = true
    running ??= (async () => {
      while (again) {
        again = false
        await update()
      }
    })().catch((error: unknown) => log.error('APIServices are not up to date', { error: messageOf(error) })).finally(() => (running = undefined))
  })
  await Promise.all(builtInGroupVersions().map((groupVersion) => create(groupVersion, 'onstart')))
}

function apiService({ clock, random }: Pick<ServerContext, 'clock' | 'random'>, groupVersion: string, origin: string): AnyObject {
  const { group, version } = parseApiVersion(groupVersion)
  const now = rfc3339(clock.now())
  return {
    apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService',
    metadata: { name: `${version}.${group}`, uid: uuid(random), creationTimestamp: now, labels: { [automanaged]: origin } },
    spec: { ...(group === '' ? {} : { group }), version, groupPriorityMinimum: group === '' ? 18_000 : origin === 'onstart' ? 17_000 : 1_000, versionPriority: origin === 'onstart' ? 15 : 100 },
    status: { conditions: [{ type: 'Available', status: 'True', lastTransitionTime: now, reason: 'Local', message: 'Local APIServices are always available' }] },
  }
}
