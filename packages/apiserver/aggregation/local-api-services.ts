import { builtInGroupVersions, parseApiVersion, type APIService, type CustomResourceDefinition } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { messageOf, rfc3339, uuid } from '@idp/kit'
import type { Resource } from '../resource.ts'
import type { ServerContext } from '../server-context.ts'

const automanaged = 'kube-aggregator.kubernetes.io/automanaged'

/** Keeps an APIService for every group version that this server serves itself, as `kubectl get apiservices` lists them. Resolves when those of the built-in ones are there. */
export async function localApiServices(server: Pick<ServerContext, 'storage' | 'registry' | 'clock' | 'random' | 'log'>, apiServices: Resource, definitions: Resource): Promise<void> {
  const { storage, registry, log } = server
  const isServed = (groupVersion: string) => registry.all().some(({ builtIn, kind }) => !builtIn && `${kind.group}/${kind.version}` === groupVersion)
  const create = async (groupVersion: string, origin: 'onstart' | 'true') => {
    const object = apiService(server, groupVersion, origin)
    if (storage.entry(apiServices, { name: object.metadata.name ?? '' }) === undefined) await storage.create(apiServices, object)
  }
  const update = async (groupVersion: string) => {
    if (isServed(groupVersion)) return create(groupVersion, 'true')
    const { group, version } = parseApiVersion(groupVersion)
    const entry = storage.entry(apiServices, { name: `${version}.${group}` })
    if (entry !== undefined && storage.codec.object(entry).metadata.labels?.[automanaged] === 'true') await storage.remove(apiServices, entry)
  }
  /** Group versions whose definitions changed. */
  const changed = new Set<string>()
  let running = false
  const updateChanged = async () => {
    if (running) return
    running = true
    for (const groupVersion of changed) {
      changed.delete(groupVersion)
      await update(groupVersion).catch((error: unknown) => log.error('APIServices are not up to date', { groupVersion, error: messageOf(error) }))
    }
    running = false
  }
  storage.onWrite(({ resource, before, after }) => {
    if (resource.prefix !== definitions.prefix) return
    for (const groupVersion of groupVersionsOf(before)) changed.add(groupVersion)
    for (const groupVersion of groupVersionsOf(after)) changed.add(groupVersion)
    void updateChanged()
  })
  // A process that ended between a definition and its APIService left them apart.
  for (const { kind, builtIn } of registry.all()) if (!builtIn) changed.add(`${kind.group}/${kind.version}`)
  for (const { spec, metadata } of storage.list(apiServices) as unknown as APIService[]) if (metadata.labels?.[automanaged] === 'true') changed.add(`${spec.group ?? ''}/${spec.version ?? ''}`)
  void updateChanged()
  await Promise.all(builtInGroupVersions().map((groupVersion) => create(groupVersion, 'onstart')))
}

function groupVersionsOf(definition: AnyObject | undefined): string[] {
  const spec = definition?.['spec'] as CustomResourceDefinition['spec'] | undefined
  return spec?.versions.map(({ name }) => `${spec.group}/${name}`) ?? []
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
