import type { ConfigMap, PersistentVolume, PersistentVolumeClaim, Secret, Service } from '@idp/api'
import type { Client } from '@idp/client'
import type { EventRecorder } from '@idp/controller'
import type { Fabric, Net, TlsIdentity } from '@idp/sandbox'
import type { Clock, Log, Random } from '@idp/kit'
import type { ProgramTable } from './program-table.ts'

/** Objects that pods refer to, as the API server has them. */
export interface ReferencedObjects {
  configMap(name: string, namespace: string): ConfigMap | undefined
  secret(name: string, namespace: string): Secret | undefined
  claim(name: string, namespace: string): PersistentVolumeClaim | undefined
  volume(name: string): PersistentVolume | undefined
  /** Calls `gone` with each PersistentVolume that is deleted. */
  onVolumeGone(gone: (volume: PersistentVolume) => void): Disposable
  services(namespace: string): readonly Service[]
  /** Calls `changed` with namespace and name of a ConfigMap, Secret or claim that has changed. */
  onChange(changed: (namespace: string, name: string) => void): Disposable
}

/** Addresses for pods. */
export interface AddressPool {
  /** Throws CodedError `AddressesExhausted`. `wanted` is taken when it is free. */
  take(wanted?: string): string
  release(ip: string): void
}

/** All that a node's pods share. */
export interface NodeContext {
  readonly name: string
  readonly ip: string
  readonly net: Net
  readonly fabric: Fabric
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  readonly events: EventRecorder
  readonly programs: ProgramTable
  readonly objects: ReferencedObjects
  readonly addresses: AddressPool
  readonly allocatable: Readonly<Record<string, string>>
  /** What `/` of the node is. */
  readonly root: string
  /** Directory of the node for pods' volumes. */
  readonly podsDirectory: string
  readonly domain: string
  /** A serving certificate of the cluster's CA for these names and addresses. */
  identity(names: readonly string[]): Promise<TlsIdentity>
  /** A client that authenticates with the token. */
  clientFor(token: () => Promise<string>): Client
}
