import type { Json, JsonObject } from '@idp/formats'

/** One thing a pod does against a control: the field by its path with `[*]` for list elements, its value, and the image of the container where it is one's. */
export interface Violation { readonly control: string; readonly field: string; readonly value: Json; readonly image?: string }

interface Place { readonly at: string; readonly values: JsonObject; readonly image?: string }
type Check = (pod: PodParts) => readonly Omit<Violation, 'control'>[]
interface Control { readonly name: string; readonly level: 'baseline' | 'restricted'; readonly check: Check }

/** A pod taken apart once for all controls. */
interface PodParts { readonly metadata: JsonObject; readonly spec: JsonObject; readonly containers: readonly Place[] }

const map = (value: Json | undefined): JsonObject => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {})
const list = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : [])
const security = (values: JsonObject): JsonObject => map(values['securityContext'])

/** `spec.securityContext` first, then each container's. */
const contexts = ({ spec, containers }: PodParts): readonly Place[] => [{ at: 'spec', values: spec }, ...containers]

/** Checks one field of every security context. */
const eachContext = (path: readonly string[], bad: (value: Json | undefined) => boolean, where: (pod: PodParts) => readonly Place[] = contexts): Check => (pod) => where(pod).flatMap(({ at, values, image }) => {
  const value = path.reduce<Json | undefined>((inner, key) => map(inner)[key], security(values))
  return bad(value) ? [{ field: `${at}.securityContext.${path.join('.')}`, value: value ?? null, ...(image === undefined ? {} : { image }) }] : []
})

/** A field that each container must have unless the pod has it (`runAsNonRoot`, `seccompProfile.type`). */
const inherited = (path: readonly string[], good: (value: Json | undefined) => boolean): Check => (pod) => {
  const read = (values: JsonObject): Json | undefined => path.reduce<Json | undefined>((inner, key) => map(inner)[key], security(values))
  const own = read(pod.spec)
  const failing = pod.containers.filter(({ values }) => !good(read(values) ?? own))
  return [...(own !== undefined && !good(own) ? [{ field: `spec.securityContext.${path.join('.')}`, value: own }] : []),
    ...failing.map(({ at, values, image }) => ({ field: `${at}.securityContext.${path.join('.')}`, value: read(values) ?? null, ...(image === undefined ? {} : { image }) }))]
}

const defaultCapabilities = new Set(['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT'])
const safeSysctls = new Set(['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_local_reserved_ports', 'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes'])
const seLinuxTypes = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'])
const volumeTypes = new Set(['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'])

const addedBeyond = (allowed: ReadonlySet<string>): Check => ({ containers }) => containers.flatMap(({ at, values, image }) => list(map(security(values)['capabilities'])['add'])
  .filter((one) => !allowed.has(String(one))).map((value) => ({ field: `${at}.securityContext.capabilities.add`, value, ...(image === undefined ? {} : { image }) })))

const isSet = (value: Json | undefined): boolean => value !== undefined && value !== null && value !== ''

/** The controls of the Pod Security Standards (kubernetes.io/docs/concepts/security/pod-security-standards), by the names policies exclude them with. */
export const controls: readonly Control[] = [
  { name: 'HostProcess', level: 'baseline', check: eachContext(['windowsOptions', 'hostProcess'], (value) => value === true) },
  { name: 'Host Namespaces', level: 'baseline', check: ({ spec }) => ['hostNetwork', 'hostPID', 'hostIPC'].filter((key) => spec[key] === true).map((key) => ({ field: `spec.${key}`, value: true })) },
  { name: 'Privileged Containers', level: 'baseline', check: eachContext(['privileged'], (value) => value === true, ({ containers }) => containers) },
  { name: 'Capabilities', level: 'baseline', check: addedBeyond(defaultCapabilities) },
  { name: 'HostPath Volumes', level: 'baseline', check: ({ spec }) => list(spec['volumes']).filter((volume) => isSet(map(volume)['hostPath'])).map((volume) => ({ field: 'spec.volumes[*].hostPath', value: map(map(volume)['hostPath'])['path'] ?? null })) },
  { name: 'Host Ports', level: 'baseline', check: ({ containers }) => containers.flatMap(({ at, values, image }) => list(values['ports']).map((port) => map(port)['hostPort']).filter((port) => isSet(port) && port !== 0).map((value) => ({ field: `${at}.ports[*].hostPort`, value: value ?? null, ...(image === undefined ? {} : { image }) }))) },
  { name: 'AppArmor', level: 'baseline', check: ({ metadata }) => Object.entries(map(metadata['annotations'])).filter(([key, value]) => key.startsWith('container.apparmor.security.beta.kubernetes.io/') && value !== '' && value !== 'runtime/default' && !String(value).startsWith('localhost/'))
    .map(([, value]) => ({ field: 'metadata.annotations[container.apparmor.security.beta.kubernetes.io/*]', value })) },
  { name: 'SELinux', level: 'baseline', check: (pod) => [...eachContext(['seLinuxOptions', 'type'], (value) => !seLinuxTypes.has(String(value ?? '')))(pod), ...eachContext(['seLinuxOptions', 'user'], isSet)(pod), ...eachContext(['seLinuxOptions', 'role'], isSet)(pod)] },
  { name: '/proc Mount Type', level: 'baseline', check: eachContext(['procMount'], (value) => isSet(value) && value !== 'Default', ({ containers }) => containers) },
  { name: 'Seccomp', level: 'baseline', check: eachContext(['seccompProfile', 'type'], (value) => value === 'Unconfined') },
  { name: 'Sysctls', level: 'baseline', check: ({ spec }) => list(security(spec)['sysctls']).map((one) => map(one)['name'] ?? null).filter((name) => !safeSysctls.has(String(name))).map((value) => ({ field: 'spec.securityContext.sysctls[*].name', value })) },
  { name: 'Volume Types', level: 'restricted', check: ({ spec }) => list(spec['volumes']).flatMap((volume) => Object.keys(map(volume)).filter((key) => key !== 'name' && !volumeTypes.has(key)).map((key) => ({ field: `spec.volumes[*].${key}`, value: key === 'hostPath' ? map(map(volume)[key])['path'] ?? null : map(volume)[key] ?? null }))) },
  { name: 'Privilege Escalation', level: 'restricted', check: eachContext(['allowPrivilegeEscalation'], (value) => value !== false, ({ containers }) => containers) },
  { name: 'Running as Non-root', level: 'restricted', check: inherited(['runAsNonRoot'], (value) => value === true) },
  { name: 'Running as Non-root user', level: 'restricted', check: eachContext(['runAsUser'], (value) => value === 0) },
  { name: 'Seccomp', level: 'restricted', check: inherited(['seccompProfile', 'type'], (value) => value === 'RuntimeDefault' || value === 'Localhost') },
  { name: 'Capabilities', level: 'restricted', check: (pod) => [
    ...addedBeyond(new Set(['NET_BIND_SERVICE']))(pod),
    ...pod.containers.filter(({ values }) => !list(map(security(values)['capabilities'])['drop']).some((one) => one === 'ALL')).map(({ at, values, image }) => ({ field: `${at}.securityContext.capabilities.drop`, value: map(security(values)['capabilities'])['drop'] ?? [], ...(image === undefined ? {} : { image }) })),
  ] },
]

/** What a pod template does that a level forbids. */
export function podSecurityViolations(level: string, metadata: JsonObject, spec: JsonObject): Violation[] {
  if (level === 'privileged') return []
  const containers = ['containers', 'initContainers', 'ephemeralContainers'].flatMap((name) => list(spec[name]).map((one): Place => ({ at: `spec.${name}[*]`, values: map(one), image: String(map(one)['image'] ?? '') })))
  const pod = { metadata, spec, containers }
  return controls.filter((control) => control.level === 'baseline' || level === 'restricted').flatMap(({ name, check }) => check(pod).map((found) => ({ control: name, ...found })))
}
