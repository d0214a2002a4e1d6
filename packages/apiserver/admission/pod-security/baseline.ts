import { containersText, failing, inUserNamespace, plural, quote, unique, type Check, type Container, type PodToCheck, type Violation } from './check.ts'

const allowedCapabilities = new Set(['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT'])
/** Safe sysctls with the minor version that allowed them. */
const allowedSysctls: Readonly<Record<string, number>> = {
  'kernel.shm_rmid_forced': 0, 'net.ipv4.ip_local_port_range': 0, 'net.ipv4.tcp_syncookies': 0, 'net.ipv4.ping_group_range': 0, 'net.ipv4.ip_unprivileged_port_start': 0,
  'net.ipv4.ip_local_reserved_ports': 27, 'net.ipv4.tcp_keepalive_time': 29, 'net.ipv4.tcp_fin_timeout': 29, 'net.ipv4.tcp_keepalive_intvl': 29, 'net.ipv4.tcp_keepalive_probes': 29,
  'net.ipv4.tcp_rmem': 32, 'net.ipv4.tcp_wmem': 32, 'net.ipv4.tcp_slow_start_after_idle': 37, 'net.ipv4.tcp_notsent_lowat': 37,
}
const seLinuxTypes = ['', 'container_t', 'container_init_t', 'container_kvm_t']
const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/'

const baseline = (run: Check['run'], since = 0): Check => ({ level: 'baseline', since, run })

const appArmor = baseline(({ metadata, spec, containers }) => {
  const wrong: string[] = []
  const bad: string[] = []
  const podType = spec.securityContext?.appArmorProfile?.type
  if (podType === 'Unconfined') {
    wrong.push('pod')
    bad.push(podType)
  }
  const inContainers = containers.filter((container) => container.securityContext?.appArmorProfile?.type === 'Unconfined')
  if (inContainers.length > 0) {
    wrong.push(containersText(inContainers.map(({ name }) => name)))
    bad.push('Unconfined')
  }
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([name, value]) => name.startsWith(appArmorPrefix) && value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/'))
  if (annotations.length > 0) {
    wrong.push(`${plural('annotation', annotations)}`)
    bad.push(...annotations.map(([name, value]) => `${name}=${value}`))
  }
  if (wrong.length === 0) return undefined
  return { reason: `forbidden AppArmor ${plural('profile', bad)}`, detail: `${wrong.join(' and ')} must not set AppArmor profile type to ${quote(unique(bad))}` }
})

const capabilities = baseline((pod) => {
  const added = (container: Container) => (container.securityContext?.capabilities?.add ?? []).filter((capability) => !allowedCapabilities.has(capability))
  const names = failing(pod, (container) => added(container).length > 0)
  if (names.length === 0) return undefined
  return { reason: 'non-default capabilities', detail: `${containersText(names)} must not include ${quote(unique(pod.containers.flatMap(added)))} in securityContext.capabilities.add` }
})

const hostNamespaces = baseline(({ spec }) => {
  const used = [...(spec.hostNetwork === true ? ['hostNetwork=true'] : []), ...(spec.hostPID === true ? ['hostPID=true'] : []), ...(spec.hostIPC === true ? ['hostIPC=true'] : [])]
  return used.length === 0 ? undefined : { reason: 'host namespaces', detail: used.join(', ') }
})

const hostPath = baseline(({ spec }) => {
  const volumes = (spec.volumes ?? []).filter((volume) => volume.hostPath !== undefined).map(({ name }) => name)
  return volumes.length === 0 ? undefined : { reason: 'hostPath volumes', detail: `${plural('volume', volumes)} ${quote(volumes)}` }
})

const hostPorts = baseline((pod) => {
  const portsOf = (container: Container) => (container.ports ?? []).flatMap(({ hostPort }) => (hostPort === undefined || hostPort === 0 ? [] : [String(hostPort)]))
  const names = failing(pod, (container) => portsOf(container).length > 0)
  const ports = unique(pod.containers.flatMap(portsOf))
  return names.length === 0 ? undefined : { reason: 'hostPort', detail: `${containersText(names)} ${names.length === 1 ? 'uses' : 'use'} ${plural('hostPort', ports)} ${ports.join(', ')}` }
})

const hostProbes = baseline((pod) => {
  const hosts = ({ livenessProbe, readinessProbe, startupProbe, lifecycle }: Container) => [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop]
    .flatMap((handler) => [handler?.httpGet?.host, handler?.tcpSocket?.host]).filter((host) => host !== undefined && host !== '') as string[]
  const names = failing(pod, (container) => hosts(container).length > 0)
  return names.length === 0 ? undefined : { reason: 'probe or lifecycle host', detail: `${containersText(names)} ${names.length === 1 ? 'uses' : 'use'} ${plural('host', names)} ${quote(unique(pod.containers.flatMap(hosts)))}` }
}, 34)

const privileged = baseline((pod) => {
  const names = failing(pod, (container) => container.securityContext?.privileged === true)
  return names.length === 0 ? undefined : { reason: 'privileged', detail: `${containersText(names)} must not set securityContext.privileged=true` }
})

const procMount = baseline((pod, minor) => {
  if (inUserNamespace(pod, minor)) return undefined
  const of = (container: Container) => container.securityContext?.procMount
  const names = failing(pod, (container) => of(container) !== undefined && of(container) !== 'Default')
  return names.length === 0 ? undefined : { reason: 'procMount', detail: `${containersText(names)} must not set securityContext.procMount to ${quote(unique(pod.containers.flatMap((container) => (of(container) === undefined || of(container) === 'Default' ? [] : [of(container) ?? '']))))}` }
})

const seLinux = baseline((pod, minor) => {
  const allowed = new Set(minor >= 31 ? [...seLinuxTypes, 'container_engine_t'] : seLinuxTypes)
  const all = [pod.spec.securityContext?.seLinuxOptions, ...pod.containers.map((container) => container.securityContext?.seLinuxOptions)].filter((options) => options !== undefined)
  const types = unique(all.flatMap(({ type }) => (allowed.has(type ?? '') ? [] : [type ?? ''])))
  const parts = [
    ...(types.length > 0 ? [`${plural('type', types)} ${quote(types)}`] : []),
    ...(all.some(({ user }) => (user ?? '') !== '') ? ['user may not be set'] : []),
    ...(all.some(({ role }) => (role ?? '') !== '') ? ['role may not be set'] : []),
  ]
  if (parts.length === 0) return undefined
  const wrong = ({ type, user, role }: { type?: string; user?: string; role?: string } = {}) => !allowed.has(type ?? '') || (user ?? '') !== '' || (role ?? '') !== ''
  const names = failing(pod, (container) => wrong(container.securityContext?.seLinuxOptions))
  const setters = [...(wrong(pod.spec.securityContext?.seLinuxOptions) ? ['pod'] : []), ...(names.length > 0 ? [containersText(names)] : [])]
  return { reason: 'seLinuxOptions', detail: `${setters.join(' and ')} set forbidden securityContext.seLinuxOptions: ${parts.join('; ')}` }
})

const seccomp = baseline(unconfinedSeccomp, 19)

function unconfinedSeccomp(pod: PodToCheck): Violation | undefined {
  const names = failing(pod, (container) => container.securityContext?.seccompProfile?.type === 'Unconfined')
  const setters = [...(pod.spec.securityContext?.seccompProfile?.type === 'Unconfined' ? ['pod'] : []), ...(names.length > 0 ? [containersText(names)] : [])]
  return setters.length === 0 ? undefined : { reason: 'seccompProfile', detail: `${setters.join(' and ')} must not set securityContext.seccompProfile.type to "Unconfined"` }
}

/** Before the field there were annotations. */
const seccompAnnotations: Check = {
  level: 'baseline', since: 0,
  run({ metadata }, minor) {
    if (minor >= 19) return undefined
    const wrong = Object.entries(metadata.annotations ?? {}).filter(([name, value]) => /^(seccomp\.security\.alpha\.kubernetes\.io\/pod|container\.seccomp\.security\.alpha\.kubernetes\.io\/.+)$/.test(name) && value !== '' && value !== 'runtime/default' && value !== 'docker/default' && !value.startsWith('localhost/'))
    return wrong.length === 0 ? undefined : { reason: 'seccompProfile', detail: `forbidden ${plural('annotation', wrong)} ${quote(wrong.map(([name, value]) => `${name}=${value}`))}` }
  },
}

const sysctls = baseline(({ spec }, minor) => {
  const wrong = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => (allowedSysctls[name] ?? Infinity) > minor)
  return wrong.length === 0 ? undefined : { reason: `forbidden ${plural('sysctl', wrong)}`, detail: wrong.join(', ') }
})

const windowsHostProcess = baseline((pod) => {
  const names = failing(pod, (container) => container.securityContext?.windowsOptions?.hostProcess === true)
  const setters = [...(pod.spec.securityContext?.windowsOptions?.hostProcess === true ? ['pod'] : []), ...(names.length > 0 ? [containersText(names)] : [])]
  return setters.length === 0 ? undefined : { reason: 'hostProcess', detail: `${setters.join(' and ')} must not set securityContext.windowsOptions.hostProcess=true` }
})

export const baselineChecks: readonly Check[] = [appArmor, capabilities, hostNamespaces, hostPath, hostPorts, hostProbes, privileged, procMount, seLinux, seccomp, seccompAnnotations, sysctls, windowsHostProcess]
