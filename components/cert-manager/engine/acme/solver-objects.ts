import { isIP } from 'node:net'
import type { Ingress, Pod, Service } from '@idp/api'
import { controllerReference } from '@idp/controller'
import type { ObjectMeta } from '@idp/formats'
import { acmeNames, Challenge, type RouteView } from '../../kinds/acme.ts'

/** Port that a solver listens on. */
export const SOLVER_PORT = 8089
export const challengePath = (token: string): string => `/.well-known/acme-challenge/${token}`

/** Adler-32 (RFC 1950), by which labels name domain and token. */
function adler32(text: string): number {
  let [a, b] = [1, 0]
  for (const byte of Buffer.from(text)) {
    a = (a + byte) % 65_521
    b = (b + a) % 65_521
  }
  return b * 65_536 + a
}

/** Labels of everything that is made for a challenge. */
export function solverLabels({ spec }: Challenge): Record<string, string> {
  return { [acmeNames.domain]: String(adler32(spec.dnsName)), [acmeNames.token]: String(adler32(spec.token)), [acmeNames.solver]: 'true' }
}

function metaOf(challenge: Challenge, more: { readonly labels?: object | undefined; readonly annotations?: object | undefined }): ObjectMeta {
  return {
    generateName: 'cm-acme-http-solver-', namespace: challenge.metadata.namespace ?? '', labels: { ...more.labels, ...solverLabels(challenge) }, ownerReferences: [controllerReference(Challenge, challenge)],
    ...(more.annotations === undefined ? {} : { annotations: { ...more.annotations } as Record<string, string> }),
  }
}

/** The pod that answers a challenge. @param image of the solver */
export function solverPod(challenge: Challenge, image: string): Pod {
  const { http01 } = challenge.spec.solver
  const template = http01?.gatewayHTTPRoute?.podTemplate ?? http01?.ingress?.podTemplate
  const { nodeSelector, securityContext, resources, ...placement } = template?.spec ?? {}
  return {
    apiVersion: 'v1', kind: 'Pod',
    metadata: metaOf(challenge, { labels: template?.metadata?.labels, annotations: { 'sidecar.istio.io/inject': 'false', 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true', ...template?.metadata?.annotations } }),
    spec: {
      automountServiceAccountToken: false, enableServiceLinks: false, restartPolicy: 'OnFailure', nodeSelector: { 'kubernetes.io/os': 'linux', ...nodeSelector },
      securityContext: securityContext ?? { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }, ...placement,
      containers: [{
        name: 'acmesolver', image, imagePullPolicy: 'IfNotPresent',
        args: [`--listen-port=${SOLVER_PORT}`, `--domain=${challenge.spec.dnsName}`, `--token=${challenge.spec.token}`, `--key=${challenge.spec.key}`],
        resources: resources ?? { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: '100m', memory: '64Mi' } },
        ports: [{ name: 'http', containerPort: SOLVER_PORT }],
        securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      }],
    },
  } as unknown as Pod
}

export function solverService(challenge: Challenge): Service {
  const { http01 } = challenge.spec.solver
  const type = http01?.gatewayHTTPRoute?.serviceType || http01?.ingress?.serviceType || 'NodePort'
  return {
    apiVersion: 'v1', kind: 'Service', metadata: metaOf(challenge, { annotations: { 'auth.istio.io/8089': 'NONE' } }),
    spec: { type, ports: [{ name: 'http', port: SOLVER_PORT, targetPort: SOLVER_PORT }], selector: solverLabels(challenge) },
  }
}

/** The route from the gateways that the solver names to its Service. @param service name of the Service */
export function solverRoute(challenge: Challenge, service: string): RouteView {
  const { dnsName, token, solver } = challenge.spec
  const { labels, parentRefs = [] } = solver.http01?.gatewayHTTPRoute ?? {}
  return {
    apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: metaOf(challenge, { labels }),
    spec: {
      parentRefs, ...(isIP(dnsName) === 0 ? { hostnames: [dnsName] } : {}),
      rules: [{
        matches: [{ path: { type: 'Exact', value: challengePath(token) } }],
        backendRefs: [{ group: '', kind: 'Service', name: service, namespace: challenge.metadata.namespace ?? '', port: SOLVER_PORT, weight: 1 }],
      }],
    },
  }
}

type IngressPath = NonNullable<NonNullable<NonNullable<NonNullable<Ingress['spec']>['rules']>[number]['http']>['paths']>[number]

export function ingressPath(token: string, service: string): IngressPath {
  return { path: challengePath(token), pathType: 'Exact', backend: { service: { name: service, port: { number: SOLVER_PORT } } } }
}

export function solverIngress(challenge: Challenge, service: string): Ingress {
  const { class: className, ingressClassName, ingressTemplate } = challenge.spec.solver.http01?.ingress ?? {}
  const { dnsName, token } = challenge.spec
  return {
    apiVersion: 'networking.k8s.io/v1', kind: 'Ingress',
    metadata: metaOf(challenge, {
      labels: ingressTemplate?.metadata?.labels,
      annotations: { 'nginx.ingress.kubernetes.io/whitelist-source-range': '0.0.0.0/0,::/0', ...(className === undefined ? {} : { 'kubernetes.io/ingress.class': className }), ...ingressTemplate?.metadata?.annotations },
    }),
    spec: { ...(ingressClassName === undefined ? {} : { ingressClassName }), rules: [{ ...(isIP(dnsName) === 0 ? { host: dnsName } : {}), http: { paths: [ingressPath(token, service)] } }] },
  }
}
