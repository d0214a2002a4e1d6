import type { Severity } from './advisory.ts'
import { parseImage } from './image-reference.ts'
import type { ContainerShape, PodShape, SecurityContext } from './pod-shape.ts'

/** A rule about pods, under the id that Trivy gives it. */
export interface ConfigCheck {
  readonly id: string
  readonly severity: Severity
  readonly title: string
  readonly remediation: string
  /** One message for each thing that breaks the rule. */
  readonly look: (subject: Subject) => readonly string[]
}

export interface Subject { readonly kind: string; readonly name: string; readonly namespace: string; readonly pod: PodShape }

export interface FailedCheck { readonly checkID: string; readonly title: string; readonly severity: Severity; readonly category: string; readonly remediation: string; readonly messages: readonly string[]; readonly success: false }

const containersOf = ({ initContainers = [], containers }: PodShape): readonly ContainerShape[] => [...initContainers, ...containers]

type Rule = readonly [id: string, severity: Severity, title: string, remediation: string, look: ConfigCheck['look']]

/** A rule of each container: `wrong` says whether it breaks it, with the settings of the pod filled in. */
function each(wrong: (container: ContainerShape, security: SecurityContext, pod: PodShape) => boolean, says: string): ConfigCheck['look'] {
  return ({ kind, name, pod }) => containersOf(pod)
    .filter((container) => wrong(container, { ...pod.securityContext, ...container.securityContext }, pod))
    .map((container) => `Container '${container.name}' of ${kind} '${name}' should ${says}`)
}

const once = (wrong: (subject: Subject) => boolean, says: string): ConfigCheck['look'] => (subject) => (wrong(subject) ? [`${subject.kind} '${subject.name}' should ${says}`] : [])

/** Capabilities that container runtimes grant by default. */
const defaultCapabilities = new Set(['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT'])
const safeSysctls = new Set(['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_local_reserved_ports', 'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes'])
const missing = (container: ContainerShape, kind: 'limits' | 'requests', resource: string): boolean => container.resources?.[kind]?.[resource] === undefined
const added = ({ capabilities }: SecurityContext): readonly string[] => (capabilities?.add ?? []).map((name) => name.replace(/^CAP_/, ''))
const dropsAll = ({ capabilities }: SecurityContext): boolean => (capabilities?.drop ?? []).some((name) => /^all$/i.test(name))

const rules: readonly Rule[] = [
  ['KSV001', 'MEDIUM', 'Can elevate its own privileges', "Set 'securityContext.allowPrivilegeEscalation' to false", each((_, s) => s.allowPrivilegeEscalation !== false, "set 'securityContext.allowPrivilegeEscalation' to false")],
  ['KSV003', 'LOW', 'Default capabilities: some containers do not drop all', "Add ALL to 'securityContext.capabilities.drop'", each((_, s) => !dropsAll(s), "add 'ALL' to 'securityContext.capabilities.drop'")],
  ['KSV005', 'HIGH', 'SYS_ADMIN capability added', "Remove SYS_ADMIN from 'securityContext.capabilities.add'", each((_, s) => added(s).includes('SYS_ADMIN'), 'not add the capability SYS_ADMIN')],
  ['KSV006', 'HIGH', 'hostPath volume mounted with docker.sock', 'Do not mount the socket of the container runtime', once(({ pod }) => (pod.volumes ?? []).some(({ hostPath }) => hostPath?.path === '/var/run/docker.sock'), "not mount '/var/run/docker.sock'")],
  ['KSV008', 'HIGH', 'Access to host IPC namespace', "Do not set 'hostIPC' to true", once(({ pod }) => pod.hostIPC === true, "not set 'hostIPC' to true")],
  ['KSV009', 'HIGH', 'Access to host network', "Do not set 'hostNetwork' to true", once(({ pod }) => pod.hostNetwork === true, "not set 'hostNetwork' to true")],
  ['KSV010', 'HIGH', 'Access to host PID', "Do not set 'hostPID' to true", once(({ pod }) => pod.hostPID === true, "not set 'hostPID' to true")],
  ['KSV011', 'LOW', 'CPU not limited', "Set a limit under 'resources.limits.cpu'", each((c) => missing(c, 'limits', 'cpu'), "set 'resources.limits.cpu'")],
  ['KSV012', 'MEDIUM', 'Runs as root user', "Set 'securityContext.runAsNonRoot' to true", each((_, s) => s.runAsNonRoot !== true && !(s.runAsUser !== undefined && s.runAsUser > 0), "set 'securityContext.runAsNonRoot' to true")],
  ['KSV013', 'MEDIUM', 'Image tag ":latest" used', 'Name a tag that does not change', each((c) => { const { tag, digest } = parseImage(c.image); return digest === undefined && tag === 'latest' }, "specify an image tag other than ':latest'")],
  ['KSV014', 'HIGH', 'Root file system is not read-only', "Set 'securityContext.readOnlyRootFilesystem' to true", each((_, s) => s.readOnlyRootFilesystem !== true, "set 'securityContext.readOnlyRootFilesystem' to true")],
  ['KSV015', 'LOW', 'CPU requests not specified', "Set 'resources.requests.cpu'", each((c) => missing(c, 'requests', 'cpu'), "set 'resources.requests.cpu'")],
  ['KSV016', 'LOW', 'Memory requests not specified', "Set 'resources.requests.memory'", each((c) => missing(c, 'requests', 'memory'), "set 'resources.requests.memory'")],
  ['KSV017', 'HIGH', 'Privileged', "Set 'securityContext.privileged' to false", each((_, s) => s.privileged === true, "set 'securityContext.privileged' to false")],
  ['KSV018', 'LOW', 'Memory not limited', "Set a limit under 'resources.limits.memory'", each((c) => missing(c, 'limits', 'memory'), "set 'resources.limits.memory'")],
  ['KSV020', 'LOW', 'Runs with UID <= 10000', "Set 'securityContext.runAsUser' to more than 10000", each((_, s) => (s.runAsUser ?? 0) <= 10_000, "set 'securityContext.runAsUser' > 10000")],
  ['KSV021', 'LOW', 'Runs with GID <= 10000', "Set 'securityContext.runAsGroup' to more than 10000", each((_, s) => (s.runAsGroup ?? 0) <= 10_000, "set 'securityContext.runAsGroup' > 10000")],
  ['KSV022', 'MEDIUM', 'Specific capabilities added', "Remove what is not needed from 'securityContext.capabilities.add'", each((_, s) => added(s).some((name) => !defaultCapabilities.has(name)), 'not add capabilities beyond the default')],
  ['KSV023', 'MEDIUM', 'hostPath volumes mounted', 'Use another type of volume', once(({ pod }) => (pod.volumes ?? []).length > 0, "not set 'spec.volumes[*].hostPath'")],
  ['KSV024', 'HIGH', 'Access to host ports', "Do not set 'containers[].ports[].hostPort'", each((c) => (c.ports ?? []).some(({ hostPort }) => (hostPort ?? 0) > 0), "not set 'ports[*].hostPort'")],
  ['KSV025', 'MEDIUM', 'SELinux custom options set', "Do not set user or role in 'securityContext.seLinuxOptions'", each((_, s) => ['user', 'role'].some((key) => (s.seLinuxOptions?.[key] ?? '') !== ''), 'not set a custom SELinux user or role')],
  ['KSV026', 'MEDIUM', 'Unsafe sysctl options set', "Keep to the sysctls that Kubernetes calls safe", once(({ pod }) => (pod.securityContext?.sysctls ?? []).some(({ name }) => !safeSysctls.has(name)), 'set safe sysctls alone')],
  ['KSV027', 'MEDIUM', 'Non-default /proc masks set', "Do not set 'securityContext.procMount'", each((_, s) => s.procMount !== undefined && s.procMount !== 'Default', "not set 'securityContext.procMount'")],
  ['KSV030', 'LOW', 'Runtime/Default Seccomp profile not set', "Set 'securityContext.seccompProfile.type' to RuntimeDefault", each((_, s) => !['RuntimeDefault', 'Localhost'].includes(s.seccompProfile?.type ?? ''), "set 'securityContext.seccompProfile.type' to 'RuntimeDefault'")],
  ['KSV104', 'MEDIUM', 'Seccomp policies disabled', "Do not set the seccomp profile 'Unconfined'", each((_, s) => s.seccompProfile?.type === 'Unconfined', 'have a seccomp profile')],
  ['KSV105', 'LOW', 'Containers must not set runAsUser to 0', "Set 'securityContext.runAsUser' to a number above 0", each((_, s) => s.runAsUser === 0, "not set 'securityContext.runAsUser' to 0")],
  ['KSV106', 'LOW', 'Container capabilities must only include NET_BIND_SERVICE', 'Drop ALL, and add NET_BIND_SERVICE at most', each((_, s) => !dropsAll(s) || added(s).some((name) => name !== 'NET_BIND_SERVICE'), 'drop all capabilities and add only NET_BIND_SERVICE')],
  ['KSV110', 'LOW', 'Workloads in the default namespace', "Use a namespace of its own", once(({ namespace }) => namespace === 'default', "be in another namespace than 'default'")],
  ['KSV117', 'MEDIUM', 'Prevent binding to privileged ports', 'Listen on a port above 1023', each((c) => (c.ports ?? []).some(({ containerPort }) => containerPort < 1024), 'not use privileged ports')],
  ['KSV118', 'HIGH', 'Default security context configured', 'Set a security context on the pod or on the container', each((c, _, pod) => Object.keys(pod.securityContext ?? {}).length === 0 && Object.keys(c.securityContext ?? {}).length === 0, 'have a security context')],
]

export const configChecks: readonly ConfigCheck[] = rules.map(([id, severity, title, remediation, look]) => ({ id, severity, title, remediation, look }))

/** The rules that a workload breaks; those it keeps are left out, as upstream's default does. */
export function auditConfig(subject: Subject): FailedCheck[] {
  return configChecks.flatMap(({ id, severity, title, remediation, look }) => {
    const messages = look(subject)
    return messages.length === 0 ? [] : [{ checkID: id, title, severity, category: 'Kubernetes Security Check', remediation, messages, success: false as const }]
  })
}
