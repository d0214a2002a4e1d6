import { compareQuantities, type Json, type JsonObject, parseQuantity } from '@idp/formats'
import { Checker, child, items, join } from './checker.ts'
import { duplicate, notFound } from './field-error.ts'
import { configMapKey, dns1123Label, portName } from './names.ts'

interface Place { path: string; volumes: ReadonlySet<Json>; init: boolean }

/** One container of a pod: image, ports, environment, mounts, resources, probes. */
export function checkContainer(check: Checker, container: JsonObject, { path, volumes, init }: Place): void {
  const name = check.text(container, path, 'name')
  if (name !== undefined) check.name(`${path}.name`, name, dns1123Label)
  const image = check.text(container, path, 'image')
  if (image !== undefined && image !== image.trim()) check.invalid(`${path}.image`, image, 'must not have leading or trailing whitespace')
  check.oneOf(container, path, 'imagePullPolicy', ['Always', 'IfNotPresent', 'Never'])
  check.oneOf(container, path, 'terminationMessagePolicy', ['FallbackToLogsOnError', 'File'])
  checkPorts(check, items(container, 'ports'), `${path}.ports`)
  checkEnvironment(check, container, path)
  checkMounts(check, items(container, 'volumeMounts'), `${path}.volumeMounts`, volumes)
  checkResources(check, child(container, 'resources'), `${path}.resources`)
  const sidecar = container.restartPolicy === 'Always'
  for (const field of ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle']) {
    if (init && !sidecar && container[field] !== undefined) check.forbidden(`${path}.${field}`, 'may not be set for init containers without restartPolicy=Always')
  }
  for (const field of ['livenessProbe', 'readinessProbe', 'startupProbe']) checkProbe(check, child(container, field), `${path}.${field}`)
  for (const field of ['postStart', 'preStop']) {
    const handler = child(container, 'lifecycle', field)
    if (handler) checkHandler(check, handler, `${path}.lifecycle.${field}`, ['exec', 'httpGet', 'tcpSocket', 'sleep'])
  }
  const security = child(container, 'securityContext')
  if (security?.privileged === true && security.allowPrivilegeEscalation === false) check.invalid(`${path}.securityContext`, security, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true')
}

function checkPorts(check: Checker, ports: JsonObject[], path: string): void {
  check.unique(ports, path, 'name')
  for (const [index, port] of ports.entries()) {
    const at = `${path}[${index}]`
    if (typeof port.name === 'string' && port.name !== '') check.name(`${at}.name`, port.name, portName)
    if (port.containerPort === undefined || port.containerPort === 0) check.required(`${at}.containerPort`)
    else check.port(`${at}.containerPort`, port.containerPort)
    if (port.hostPort !== undefined && port.hostPort !== 0) check.port(`${at}.hostPort`, port.hostPort)
    check.oneOf(port, at, 'protocol', ['SCTP', 'TCP', 'UDP'])
  }
}

const sources = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef']

function checkEnvironment(check: Checker, container: JsonObject, path: string): void {
  for (const [index, variable] of items(container, 'env').entries()) {
    const at = `${path}.env[${index}]`
    const name = check.text(variable, at, 'name')
    if (name !== undefined && !/^[ -<>-~]+$/.test(name)) check.invalid(`${at}.name`, name, "a valid environment variable name must consist only of printable ASCII characters other than '='")
    const source = child(variable, 'valueFrom')
    if (!source) continue
    const given = sources.filter((field) => source[field] !== undefined)
    if (given.length === 0) check.invalid(`${at}.valueFrom`, '', `must specify one of: \`${sources.slice(0, 4).join('`, `')}\``)
    else if (variable.value !== undefined && variable.value !== '') check.invalid(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty')
    else if (given.length > 1) check.invalid(`${at}.valueFrom`, '', 'may not have more than one field specified at a time')
    for (const field of ['configMapKeyRef', 'secretKeyRef']) {
      const ref = child(source, field)
      if (!ref) continue
      const key = check.text(ref, `${at}.valueFrom.${field}`, 'key')
      if (key !== undefined) check.name(`${at}.valueFrom.${field}.key`, key, configMapKey)
    }
    const fieldRef = child(source, 'fieldRef')
    if (fieldRef) check.text(fieldRef, `${at}.valueFrom.fieldRef`, 'fieldPath')
  }
  for (const [index, source] of items(container, 'envFrom').entries()) {
    const given = ['configMapRef', 'secretRef'].filter((field) => source[field] !== undefined)
    if (given.length === 0) check.invalid(`${path}.envFrom[${index}]`, '', 'must specify one of: `configMapRef` or `secretRef`')
    if (given.length > 1) check.invalid(`${path}.envFrom[${index}]`, '', 'may not have more than one field specified at a time')
  }
}

function checkMounts(check: Checker, mounts: JsonObject[], path: string, volumes: ReadonlySet<Json>): void {
  const paths = new Set<Json>()
  for (const [index, mount] of mounts.entries()) {
    const at = `${path}[${index}]`
    const name = check.text(mount, at, 'name')
    if (name !== undefined && !volumes.has(name)) check.add(notFound(`${at}.name`, name))
    const target = check.text(mount, at, 'mountPath')
    if (target !== undefined && paths.has(target)) check.invalid(`${at}.mountPath`, target, 'must be unique')
    if (target !== undefined) paths.add(target)
    for (const field of ['subPath', 'subPathExpr']) {
      const sub = mount[field]
      if (typeof sub !== 'string' || sub === '') continue
      if (sub.startsWith('/')) check.invalid(`${at}.${field}`, sub, 'must be a relative path')
      if (sub.split('/').includes('..')) check.invalid(`${at}.${field}`, sub, "must not contain '..'")
    }
  }
}

/** Requests and limits: amounts that are not negative, and requests within limits. */
export function checkResources(check: Checker, resources: JsonObject | undefined, path: string): void {
  const limits = child(resources, 'limits')
  for (const list of ['limits', 'requests']) {
    const amounts = child(resources, list)
    for (const name in amounts) {
      const amount = parseQuantity(String(amounts[name]))
      if (amount.nano < 0n) check.invalid(`${path}.${list}[${name}]`, amounts[name], 'must be greater than or equal to 0')
      const limit = list === 'requests' ? limits?.[name] : undefined
      if (limit !== undefined && compareQuantities(amount, parseQuantity(String(limit))) > 0) {
        check.invalid(`${path}.requests`, amounts[name], `must be less than or equal to ${name} limit of ${String(limit)}`)
      }
    }
  }
}

function checkHandler(check: Checker, handler: JsonObject, path: string, types: readonly string[]): void {
  const given = types.filter((type) => handler[type] !== undefined)
  if (given.length === 0) check.required(path, 'must specify a handler type')
  for (const type of given.slice(1)) check.forbidden(join(path, type), 'may not specify more than 1 handler type')
  const exec = child(handler, 'exec')
  if (exec && !(Array.isArray(exec.command) && exec.command.length > 0)) check.required(`${path}.exec.command`)
  for (const type of ['httpGet', 'tcpSocket', 'grpc']) {
    const target = child(handler, type)
    if (!target) continue
    if (typeof target.port === 'string') check.name(`${path}.${type}.port`, target.port, portName)
    else check.port(`${path}.${type}.port`, target.port)
  }
  const http = child(handler, 'httpGet')
  if (http) check.oneOf(http, `${path}.httpGet`, 'scheme', ['HTTP', 'HTTPS'])
}

function checkProbe(check: Checker, probe: JsonObject | undefined, path: string): void {
  if (!probe) return
  checkHandler(check, probe, path, ['exec', 'httpGet', 'tcpSocket', 'grpc'])
  check.notNegative(probe, path, 'initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold')
  if (!path.endsWith('readinessProbe') && typeof probe.successThreshold === 'number' && probe.successThreshold > 1) check.invalid(`${path}.successThreshold`, probe.successThreshold, 'must be 1')
}

/** Container names may be used once in a pod. */
export function checkContainerNames(check: Checker, list: JsonObject[], path: string, seen: Set<Json>): void {
  for (const [index, container] of list.entries()) {
    if (typeof container.name !== 'string' || container.name === '') continue
    if (seen.has(container.name)) check.add(duplicate(`${path}[${index}].name`, container.name))
    seen.add(container.name)
  }
}
