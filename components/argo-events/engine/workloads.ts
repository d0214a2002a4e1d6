import { createHash } from 'node:crypto'
import type { AnyObject, JsonObject, KubeObject } from '@idp/formats'
import type { EventBus, EventSource, PodTemplate, Sensor } from '../kinds/events.ts'

const group = 'argoproj.io/v1alpha1'
const owner = (kind: string, { metadata }: KubeObject) => [{ apiVersion: group, kind, name: metadata.name ?? '', uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true }]
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64')

export const busServiceName = (name: string): string => `eventbus-${name}-js-svc`
export const busUrl = (bus: EventBus): string => `nats://${busServiceName(bus.metadata.name ?? '')}.${bus.metadata.namespace ?? ''}.svc:4222`

/** The bus: a StatefulSet of one and its headless Service, named as those of JetStream. */
export function busObjects(bus: EventBus, image: string): AnyObject[] {
  const { name = '', namespace = '' } = bus.metadata
  const labels = { controller: 'eventbus-controller', 'eventbus-name': name, 'owner-name': name, js: 'yes' }
  const metadata = (own: string) => ({ name: own, namespace, labels, ownerReferences: owner('EventBus', bus) })
  const container = { name: 'main', image, args: ['eventbus-service'], ports: [{ name: 'client', containerPort: 4222 }], readinessProbe: { httpGet: { path: '/healthz', port: 4222 } } }
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: metadata(busServiceName(name)), spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: labels, ports: [{ name: 'client', port: 4222 }] } },
    { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: metadata(`eventbus-${name}-js`), spec: { serviceName: busServiceName(name), replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } } },
  ]
}

/** Five letters of its own for each owner, where upstream draws lots. */
const suffix = ({ metadata }: KubeObject): string => createHash('sha256').update(metadata.uid ?? '').digest('hex').slice(0, 5)

interface Process { readonly kind: 'EventSource' | 'Sensor'; readonly role: 'eventsource' | 'sensor'; readonly object: EventSource | Sensor; readonly ports: readonly { name: string; containerPort: number }[] }

function deployment({ kind, role, object, ports }: Process, bus: EventBus, image: string): AnyObject {
  const { name = '', namespace = '' } = object.metadata
  const template: PodTemplate = object.spec.template ?? {}
  const labels = { controller: `${role}-controller`, [`${role}-name`]: name, 'owner-name': name }
  const env = [
    { name: kind === 'Sensor' ? 'SENSOR_OBJECT' : 'EVENTSOURCE_OBJECT', value: base64({ metadata: { name, namespace }, spec: object.spec }) },
    { name: 'EVENTBUS_CONFIG', value: base64({ jetstream: { url: busUrl(bus) } }) }, { name: 'EVENTBUS_SUBJECT', value: `eventbus-${namespace}` },
    { name: 'NAMESPACE', value: namespace }, { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  ]
  const { metadata: own, container, ...pod } = template
  const { env: ownEnv = [], ...rest } = (container ?? {}) as { env?: JsonObject[] }
  const probe = kind === 'Sensor' ? { readinessProbe: { httpGet: { path: '/healthz', port: 7777 }, periodSeconds: 1 } } : {}
  return {
    apiVersion: 'apps/v1', kind: 'Deployment',
    metadata: { name: `${name}-${role}-${suffix(object)}`, namespace, labels, ownerReferences: owner(kind, object) },
    spec: {
      replicas: 1, strategy: { type: 'Recreate' }, selector: { matchLabels: labels },
      template: {
        metadata: { labels: { ...own?.labels, ...labels }, ...(own?.annotations === undefined ? {} : { annotations: own.annotations }) },
        spec: { ...pod, containers: [{ ...probe, ...rest, name: 'main', image, args: [`${role}-service`], env: [...env, ...ownEnv], ports: [...ports] }] },
      },
    },
  }
}

export function eventSourceObjects(source: EventSource, bus: EventBus, image: string): AnyObject[] {
  const { name = '', namespace = '' } = source.metadata
  const listening = [...new Set(Object.values(source.spec.webhook ?? {}).map(({ port = '12000' }) => Number(port)))]
  const made = deployment({ kind: 'EventSource', role: 'eventsource', object: source, ports: listening.map((port) => ({ name: `port-${port}`, containerPort: port })) }, bus, image)
  const { service } = source.spec
  if (service === undefined) return [made]
  const selector = { controller: 'eventsource-controller', 'eventsource-name': name, 'owner-name': name }
  return [made, { apiVersion: 'v1', kind: 'Service', metadata: { name: `${name}-eventsource-svc`, namespace, labels: selector, ownerReferences: owner('EventSource', source) }, spec: { selector, ports: service.ports ?? [], ...(service.clusterIP === undefined ? {} : { clusterIP: service.clusterIP }) } }]
}

export const sensorObjects = (sensor: Sensor, bus: EventBus, image: string): AnyObject[] => [deployment({ kind: 'Sensor', role: 'sensor', object: sensor, ports: [] }, bus, image)]
