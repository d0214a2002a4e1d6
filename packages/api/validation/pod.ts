import { cloneJson, deepEqual, type Json, type JsonObject } from '@idp/formats'
import { Checker, child, items, join } from './checker.ts'
import { checkContainer, checkContainerNames } from './container.ts'
import { duplicate, notSupported } from './field-error.ts'
import { checkLabels, checkSelector } from './metadata.ts'
import { dns1123Label, dns1123Subdomain, qualifiedName } from './names.ts'

/** The spec of a pod or of a pod template. */
export function checkPodSpec(check: Checker, spec: JsonObject, path: string): void {
  const volumes = checkVolumes(check, items(spec, 'volumes'), join(path, 'volumes'))
  const names = new Set<Json>()
  const containers = items(spec, 'containers')
  if (containers.length === 0) check.required(join(path, 'containers'))
  for (const [index, container] of containers.entries()) checkContainer(check, container, { path: `${path}.containers[${index}]`, volumes, init: false })
  checkContainerNames(check, containers, `${path}.containers`, names)
  for (const [index, container] of items(spec, 'initContainers').entries()) checkContainer(check, container, { path: `${path}.initContainers[${index}]`, volumes, init: true })
  checkContainerNames(check, items(spec, 'initContainers'), `${path}.initContainers`, names)
  check.oneOf(spec, path, 'restartPolicy', ['Always', 'OnFailure', 'Never'])
  check.oneOf(spec, path, 'dnsPolicy', ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'])
  if (spec.dnsPolicy === 'None' && !Array.isArray(child(spec, 'dnsConfig')?.nameservers)) check.required(`${path}.dnsConfig.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')
  checkLabels(check, child(spec, 'nodeSelector'), join(path, 'nodeSelector'))
  if (typeof spec.serviceAccountName === 'string' && spec.serviceAccountName !== '') check.name(join(path, 'serviceAccountName'), spec.serviceAccountName, dns1123Subdomain)
  for (const field of ['hostname', 'subdomain']) {
    const value = spec[field]
    if (typeof value === 'string' && value !== '') check.name(join(path, field), value, dns1123Label)
  }
  check.notNegative(spec, path, 'terminationGracePeriodSeconds')
  if (typeof spec.activeDeadlineSeconds === 'number' && spec.activeDeadlineSeconds < 1) check.invalid(join(path, 'activeDeadlineSeconds'), spec.activeDeadlineSeconds, 'must be between 1 and 2147483647, inclusive')
  checkPlacement(check, spec, path)
}

function checkVolumes(check: Checker, volumes: JsonObject[], path: string): Set<Json> {
  const names = new Set<Json>()
  for (const [index, volume] of volumes.entries()) {
    const at = `${path}[${index}]`
    const name = check.text(volume, at, 'name')
    if (name !== undefined) {
      check.name(`${at}.name`, name, dns1123Label)
      if (names.has(name)) check.add(duplicate(`${at}.name`, name))
      names.add(name)
    }
    const types = Object.keys(volume).filter((field) => field !== 'name')
    if (types.length === 0) check.required(at, 'must specify a volume type')
    for (const type of types.slice(1)) check.forbidden(`${at}.${type}`, 'may not specify more than 1 volume type')
    checkVolumeSource(check, volume, at)
  }
  return names
}

const neededOfSource: Readonly<Record<string, string>> = { secret: 'secretName', configMap: 'name', hostPath: 'path', persistentVolumeClaim: 'claimName', nfs: 'server', csi: 'driver' }

function checkVolumeSource(check: Checker, volume: JsonObject, path: string): void {
  for (const [type, field] of Object.entries(neededOfSource)) {
    const source = child(volume, type)
    if (!source) continue
    check.text(source, `${path}.${type}`, field)
    for (const [index, item] of items(source, 'items').entries()) {
      check.text(item, `${path}.${type}.items[${index}]`, 'key')
      const target = check.text(item, `${path}.${type}.items[${index}]`, 'path')
      if (target?.startsWith('/')) check.invalid(`${path}.${type}.items[${index}].path`, target, 'must be a relative path')
      if (target?.split('/').includes('..')) check.invalid(`${path}.${type}.items[${index}].path`, target, "must not contain '..'")
    }
  }
  const template = child(volume, 'ephemeral', 'volumeClaimTemplate', 'spec')
  if (template) checkClaimSpec(check, template, `${path}.ephemeral.volumeClaimTemplate.spec`)
}

/** The spec of a PersistentVolumeClaim. */
export function checkClaimSpec(check: Checker, spec: JsonObject, path: string): void {
  const modes = Array.isArray(spec.accessModes) ? spec.accessModes : []
  if (modes.length === 0) check.required(join(path, 'accessModes'), 'at least 1 access mode is required')
  const allowed = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
  for (const mode of modes) if (!allowed.includes(String(mode))) check.add(notSupported(join(path, 'accessModes'), mode, allowed))
  if (child(spec, 'resources', 'requests')?.storage === undefined) check.required(`${path}.resources[storage]`)
  check.oneOf(spec, path, 'volumeMode', ['Block', 'Filesystem'])
}

function checkPlacement(check: Checker, spec: JsonObject, path: string): void {
  for (const [index, toleration] of items(spec, 'tolerations').entries()) {
    const at = `${path}.tolerations[${index}]`
    if (typeof toleration.key === 'string' && toleration.key !== '') check.name(`${at}.key`, toleration.key, qualifiedName)
    else if (toleration.operator !== 'Exists') check.invalid(`${at}.operator`, toleration.operator ?? '', 'operator must be Exists when `key` is empty, which means "match all values and all keys"')
    if (toleration.operator === 'Exists' && toleration.value !== undefined && toleration.value !== '') check.invalid(`${at}.operator`, toleration, 'value must be empty when `operator` is \'Exists\'')
    check.oneOf(toleration, at, 'operator', ['Equal', 'Exists'])
    check.oneOf(toleration, at, 'effect', ['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
  }
  for (const [index, constraint] of items(spec, 'topologySpreadConstraints').entries()) {
    const at = `${path}.topologySpreadConstraints[${index}]`
    if (typeof constraint.maxSkew !== 'number' || constraint.maxSkew <= 0) check.invalid(`${at}.maxSkew`, constraint.maxSkew ?? 0, 'must be greater than zero')
    check.text(constraint, at, 'topologyKey', 'can not be empty')
    check.oneOf(constraint, at, 'whenUnsatisfiable', ['DoNotSchedule', 'ScheduleAnyway'])
    checkSelector(check, child(constraint, 'labelSelector'), `${at}.labelSelector`)
  }
  for (const kind of ['podAffinity', 'podAntiAffinity']) {
    const at = `${path}.affinity.${kind}`
    const terms = child(spec, 'affinity', kind)
    for (const [index, term] of items(terms, 'requiredDuringSchedulingIgnoredDuringExecution').entries()) check.text(term, `${at}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`, 'topologyKey', 'can not be empty')
    for (const [index, term] of items(terms, 'preferredDuringSchedulingIgnoredDuringExecution').entries()) {
      check.text(child(term, 'podAffinityTerm') ?? {}, `${at}.preferredDuringSchedulingIgnoredDuringExecution[${index}].podAffinityTerm`, 'topologyKey', 'can not be empty')
    }
  }
}

export function checkPod(check: Checker, pod: JsonObject): void {
  checkPodSpec(check, child(pod, 'spec') ?? {}, 'spec')
}

const mayChange = 'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

/** Of a pod only images, the deadline, added tolerations, and scheduling gates may change. `subresource` is the one the update goes to. */
export function checkPodUpdate(check: Checker, pod: JsonObject, old: JsonObject, subresource?: string): void {
  const spec = child(pod, 'spec') ?? {}
  const before = child(old, 'spec') ?? {}
  if (subresource === 'status') return
  const allowed = cloneJson(spec)
  for (const list of ['containers', 'initContainers']) {
    const own = items(allowed, list)
    for (const [index, container] of items(before, list).entries()) {
      const mine = own[index]
      if (!mine) continue
      if (container.image !== undefined) mine.image = container.image
      if (subresource === 'resize') for (const field of ['resources', 'resizePolicy']) copyField(mine, container, field)
    }
  }
  if (subresource === 'ephemeralcontainers') copyField(allowed, before, 'ephemeralContainers')
  copyField(allowed, before, 'activeDeadlineSeconds')
  if (before.nodeName === undefined || before.nodeName === '') for (const field of ['schedulingGates', 'nodeSelector', 'affinity']) if (items(before, 'schedulingGates').length > 0) copyField(allowed, before, field)
  const tolerations = items(spec, 'tolerations')
  if (items(before, 'tolerations').every((entry) => tolerations.some((other) => deepEqual(entry, other)))) copyField(allowed, before, 'tolerations')
  else check.forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')
  if (!deepEqual(allowed, before)) check.forbidden('spec', mayChange)
}

function copyField(to: JsonObject, from: JsonObject, field: string): void {
  const value = from[field]
  if (value === undefined) delete to[field]
  else to[field] = cloneJson(value)
}
