/** What the checks read of a pod: everything else is left out of the cache. */
export interface PodShape {
  readonly hostNetwork?: boolean
  readonly hostPID?: boolean
  readonly hostIPC?: boolean
  readonly automountServiceAccountToken?: boolean
  readonly securityContext?: SecurityContext & { readonly sysctls?: readonly { readonly name: string }[] }
  readonly volumes?: readonly { readonly name: string; readonly hostPath?: { readonly path: string } }[]
  readonly initContainers?: readonly ContainerShape[]
  readonly containers: readonly ContainerShape[]
}

export interface ContainerShape {
  readonly name: string
  readonly image: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly ports?: readonly { readonly containerPort: number; readonly hostPort?: number }[]
  readonly resources?: { readonly limits?: Readonly<Record<string, unknown>>; readonly requests?: Readonly<Record<string, unknown>> }
  readonly securityContext?: SecurityContext
}

export interface SecurityContext {
  readonly allowPrivilegeEscalation?: boolean
  readonly privileged?: boolean
  readonly readOnlyRootFilesystem?: boolean
  readonly runAsNonRoot?: boolean
  readonly runAsUser?: number
  readonly runAsGroup?: number
  readonly procMount?: string
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] }
  readonly seccompProfile?: { readonly type: string }
  readonly seLinuxOptions?: Readonly<Record<string, string>>
}

/** The part of a pod's spec that the checks read, and that stays the same for all pods of one template. */
export function shapeOfPod(spec: PodShape): PodShape {
  const container = ({ name, image, command, args, env, ports, resources, securityContext }: ContainerShape): ContainerShape => present({ name, image, command, args, env, ports, resources, securityContext }) as unknown as ContainerShape
  const volumes = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name, hostPath }) => ({ name, hostPath }))
  return present({
    hostNetwork: spec.hostNetwork, hostPID: spec.hostPID, hostIPC: spec.hostIPC, automountServiceAccountToken: spec.automountServiceAccountToken, securityContext: spec.securityContext,
    volumes: volumes.length > 0 ? volumes : undefined, initContainers: spec.initContainers?.map(container), containers: spec.containers.map(container),
  }) as unknown as PodShape
}

const present = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
