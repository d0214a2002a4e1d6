import { defineKind, type Kind } from '@idp/api'
import type { AnyObject, Json, JsonObject, KubeObject } from '@idp/formats'

export interface Condition { type: string; status: string; reason?: string; message?: string; lastTransitionTime?: string }
export interface Status { conditions?: Condition[]; config?: JsonObject }
/** What of the pod of an EventSource or a Sensor is given by its author. */
export interface PodTemplate { metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }; serviceAccountName?: string; container?: JsonObject; nodeSelector?: Record<string, string>; tolerations?: JsonObject[]; [field: string]: unknown }

export interface EventBus extends KubeObject { spec: { jetstream?: { version?: string; replicas?: number; [field: string]: unknown }; [field: string]: unknown }; status?: Status }

export interface WebhookSource { port?: string; endpoint?: string; method?: string; url?: string; filter?: JsonObject; authSecret?: { name: string; key: string }; [field: string]: unknown }
export interface CalendarSource { schedule?: string; interval?: string; timezone?: string; metadata?: Record<string, string>; filter?: JsonObject; [field: string]: unknown }
export interface ResourceSource { namespace?: string; group?: string; version: string; resource: string; eventTypes?: ('ADD' | 'UPDATE' | 'DELETE')[]; filter?: { prefix?: string; labels?: { key: string; operation?: string; value: string }[]; fields?: { key: string; operation?: string; value: string }[]; afterStart?: boolean; createdBy?: string }; metadata?: Record<string, string>; [field: string]: unknown }
export interface EventSource extends KubeObject {
  spec: { eventBusName?: string; replicas?: number; template?: PodTemplate; service?: { ports?: JsonObject[]; clusterIP?: string; metadata?: JsonObject }; webhook?: Record<string, WebhookSource>; calendar?: Record<string, CalendarSource>; resource?: Record<string, ResourceSource>; [type: string]: unknown }
  status?: Status
}

export interface DataFilter { path: string; type: 'bool' | 'number' | 'string'; value: string[]; comparator?: '>=' | '>' | '=' | '!=' | '<' | '<='; template?: string }
export interface EventFilters { data?: DataFilter[]; dataLogicalOperator?: 'and' | 'or'; time?: { start: string; stop: string }; context?: { type?: string; subject?: string; source?: string }; exprs?: JsonObject[]; script?: string; [field: string]: unknown }
export interface Dependency { name: string; eventSourceName: string; eventName: string; filters?: EventFilters; filtersLogicalOperator?: 'and' | 'or'; transform?: JsonObject }
export interface TriggerParameter { src?: { dependencyName: string; dataKey?: string; contextKey?: string; value?: string; dataTemplate?: string; contextTemplate?: string; useRawData?: boolean }; dest: string; operation?: 'overwrite' | 'append' | 'prepend' }
export interface K8sTrigger { operation?: string; source?: { resource?: AnyObject; [field: string]: unknown }; parameters?: TriggerParameter[]; patchStrategy?: string; liveObject?: boolean; args?: string[] }
export interface HttpTrigger { url: string; method?: string; payload?: TriggerParameter[]; parameters?: TriggerParameter[]; headers?: Record<string, string>; timeout?: number; tls?: JsonObject; basicAuth?: JsonObject; secureHeaders?: JsonObject[] }
export interface TriggerTemplate { name: string; conditions?: string; k8s?: K8sTrigger; argoWorkflow?: K8sTrigger; http?: HttpTrigger; log?: { intervalSeconds?: number }; [type: string]: unknown }
export interface Trigger { template: TriggerTemplate; parameters?: TriggerParameter[]; retryStrategy?: { steps?: number; duration?: string | number; factor?: number | string }; rateLimit?: { unit?: 'Second' | 'Minute' | 'Hour'; requestsPerUnit?: number } }
export interface Sensor extends KubeObject { spec: { eventBusName?: string; replicas?: number; template?: PodTemplate; dependencies?: Dependency[]; triggers?: Trigger[]; [field: string]: unknown }; status?: Status }

/** What travels over the bus: a CloudEvent with its data as JSON. */
export interface CloudEvent { id: string; source: string; specversion: '1.0'; type: string; datacontenttype: string; subject: string; time: string; data: Json }

const kind = <T extends KubeObject>(name: string, plural: string, short: string): Kind<T> => defineKind({ group: 'argoproj.io', version: 'v1alpha1', kind: name, plural, scope: 'Namespaced', shortNames: [short], subresources: ['status'] })
export const EventBusKind: Kind<EventBus> = kind('EventBus', 'eventbus', 'eb')
export const EventSourceKind: Kind<EventSource> = kind('EventSource', 'eventsources', 'es')
export const SensorKind: Kind<Sensor> = kind('Sensor', 'sensors', 'sn')
