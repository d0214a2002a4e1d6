import { defineKind, Deployment, isApiError, Pod, ReplicaSet, Secret, Service } from '@idp/api'
import type { Client } from '@idp/client'
import { isPodReady } from '@idp/controller'
import type { JsonObject, KubeObject } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import type { Entity } from '../engine/catalog/entity.ts'

interface Application extends KubeObject { spec?: { source?: { path?: string }; destination?: { namespace?: string } }; status?: { sync?: { status?: string; revision?: string }; health?: { status?: string; message?: string } } }

/** Argo CD's Application, as far as the portal shows it. */
const Application = defineKind<Application>({ group: 'argoproj.io', version: 'v1alpha1', kind: 'Application', plural: 'applications', scope: 'Namespaced' })

const idLabel = 'backstage.io/kubernetes-id'

/** Components for Argo CD's Applications and for Deployments labelled with an id, unless an entity of `described` names them in its annotations. */
export async function clusterEntities(client: Client, owner: string, described: readonly Entity[]): Promise<Entity[]> {
  const gone = (error: unknown): { items: never[] } => { if (isApiError(error, 'NotFound')) return { items: [] }; throw error }
  const [applications, deployments] = await Promise.all([client.list(Application, {}).catch(gone), client.list(Deployment, { labelSelector: idLabel }).catch(gone)])
  const component = (name: string, type: string, location: string, annotations: Record<string, string>): Entity => ({
    apiVersion: 'backstage.io/v1alpha1', kind: 'Component',
    metadata: { name, namespace: 'default', tags: [type], annotations: { ...annotations, 'backstage.io/managed-by-location': location, 'backstage.io/managed-by-origin-location': location } },
    spec: { type, lifecycle: 'production', owner },
  })
  const named = (annotation: string): Set<string | undefined> => new Set(described.map(({ metadata }) => metadata.annotations?.[annotation]))
  const [ids, applicationNames] = [named(idLabel), named('argocd/app-name')]
  return [
    ...deployments.items.filter(({ metadata }) => !ids.has(metadata.labels?.[idLabel])).map(({ metadata }) => component(metadata.labels?.[idLabel] ?? metadata.name ?? '', 'service', `kubernetes:${metadata.namespace ?? ''}/deployment/${metadata.name ?? ''}`, { 'backstage.io/kubernetes-id': metadata.labels?.[idLabel] ?? '', 'backstage.io/kubernetes-namespace': metadata.namespace ?? '' })),
    ...applications.items.filter(({ metadata }) => !applicationNames.has(metadata.name)).map(({ metadata, spec }) => component(metadata.name ?? '', 'argocd-application', `kubernetes:${metadata.namespace ?? ''}/application/${metadata.name ?? ''}`, { 'argocd/app-name': metadata.name ?? '', ...(spec?.destination?.namespace === undefined ? {} : { 'backstage.io/kubernetes-namespace': spec.destination.namespace }) })),
  ]
}

/** Which objects of the cluster are an entity's, by upstream's annotations. Undefined when it names none. */
export function selectorOf(entity: Entity): { readonly labelSelector: string; readonly namespace?: string } | undefined {
  const { annotations = {} } = entity.metadata
  const id = annotations['backstage.io/kubernetes-id']
  const labelSelector = annotations['backstage.io/kubernetes-label-selector'] ?? (id === undefined ? undefined : `${idLabel}=${id}`)
  const namespace = annotations['backstage.io/kubernetes-namespace']
  return labelSelector === undefined ? undefined : { labelSelector, ...(namespace === undefined ? {} : { namespace }) }
}

/** The answer of upstream's Kubernetes backend: pods, services, deployments and replica sets of an entity. */
export async function kubernetesObjects(client: Client, entity: Entity, cluster: string): Promise<JsonObject> {
  const query = selectorOf(entity)
  if (query === undefined) return { items: [] }
  const errors: JsonObject[] = []
  const list = async (type: string, path: string, work: Promise<{ items: KubeObject[] }>): Promise<JsonObject> => {
    try {
      return { type, resources: (await work).items.map(({ metadata: { managedFields: _fields, ...metadata }, ...rest }) => ({ ...rest, metadata }) as unknown as JsonObject) }
    } catch (error) {
      errors.push({ errorType: 'UNKNOWN_ERROR', statusCode: 500, resourcePath: path, message: messageOf(error) })
      return { type, resources: [] }
    }
  }
  const resources = await Promise.all([list('pods', '/api/v1/pods', client.list(Pod, query)), list('services', '/api/v1/services', client.list(Service, query)), list('deployments', '/apis/apps/v1/deployments', client.list(Deployment, query)), list('replicasets', '/apis/apps/v1/replicasets', client.list(ReplicaSet, query))])
  return { items: [{ cluster: { name: cluster }, resources, podMetrics: [], errors }] }
}

/** What the page shows of an entity: its pods in short, and how Argo CD sees its Application. */
export async function runtimeOf(client: Client, entity: Entity): Promise<JsonObject> {
  const query = selectorOf(entity)
  const pods = query === undefined ? [] : (await client.list(Pod, query)).items
  const name = entity.metadata.annotations?.['argocd/app-name']
  let application: JsonObject | null = null
  if (name !== undefined) {
    const found = await client.list(Application, { fieldSelector: `metadata.name=${name}` }).catch((error: unknown) => { if (isApiError(error, 'NotFound')) return { items: [] as Application[] }; throw error })
    const status = found.items[0]?.status
    if (found.items[0] !== undefined) application = { name, sync: status?.sync?.status ?? 'Unknown', health: status?.health?.status ?? 'Unknown', message: status?.health?.message ?? '', revision: status?.sync?.revision ?? '' }
  }
  return {
    selector: query?.labelSelector ?? null, application,
    pods: pods.map((pod) => ({
      name: pod.metadata.name ?? '', namespace: pod.metadata.namespace ?? '', phase: pod.status?.phase ?? 'Unknown', ready: isPodReady(pod), node: pod.spec?.nodeName ?? '', created: String(pod.metadata.creationTimestamp ?? ''),
      restarts: (pod.status?.containerStatuses ?? []).reduce((sum, one) => sum + (one.restartCount ?? 0), 0), standIn: pod.metadata.annotations?.['idp.dev/stand-in'] ?? null,
      waiting: (pod.status?.containerStatuses ?? []).map((one) => one.state?.waiting?.reason ?? '').find((one) => one !== '') ?? null,
    })),
  }
}

/** Reads `namespace/name` of a Secret into user and password. */
export async function secretCredentials(client: Client, reference: string): Promise<{ username: string; password: string }> {
  const [namespace = '', name = ''] = reference.split('/')
  const { data = {} } = await client.get(Secret, name, { namespace })
  const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString()
  if (data['password'] === undefined) throw new CodedError({ code: 'NoCredentials', message: 'the Secret has no key password', where: `Secret ${reference}` })
  return { username: text('username'), password: text('password') }
}
