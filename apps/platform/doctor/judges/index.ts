import type { Judge } from '../diagnosis.ts'
import { customResourceDefinition, apiService, claim, namespace, node, policy, webhook } from './cluster.ts'
import { application, applicationSet } from './applications.ts'
import { acme, certificate, certificateRequest, issuer } from './certificates.ts'
import { pod } from './pods.ts'
import { configMap, externalSecret, secret, secretStore, vault } from './secrets.ts'
import { gateway, gatewayClass, route, service } from './traffic.ts'
import { job, workload } from './workloads.ts'

/** What can be wrong, by kind. */
export const judges: Readonly<Record<string, Judge>> = {
  Application: application, ApplicationSet: applicationSet,
  Deployment: workload, StatefulSet: workload, DaemonSet: workload, Job: job, Pod: pod,
  ExternalSecret: externalSecret, SecretStore: secretStore, ClusterSecretStore: secretStore, Secret: secret, ConfigMap: configMap, Vault: vault,
  Certificate: certificate, CertificateRequest: certificateRequest, Order: acme, Challenge: acme, Issuer: issuer, ClusterIssuer: issuer,
  GatewayClass: gatewayClass, Gateway: gateway, HTTPRoute: route, GRPCRoute: route, TLSRoute: route, Service: service,
  ValidatingWebhookConfiguration: webhook, MutatingWebhookConfiguration: webhook, ClusterPolicy: policy, APIService: apiService,
  Node: node, PersistentVolumeClaim: claim, Namespace: namespace, CustomResourceDefinition: customResourceDefinition,
}

/** Judged only when something asks for them: a Service without pods or an old attempt at a certificate harms nobody by itself. */
export const onlyCauses: ReadonlySet<string> = new Set(['Service', 'Secret', 'ConfigMap', 'Vault', 'CertificateRequest', 'Order', 'Challenge', 'GatewayClass'])

/** The lines of the summary, in this order: an area and its kinds. */
export const areas: readonly (readonly [area: string, kinds: readonly string[]])[] = [
  ['nodes', ['Node']], ['applications', ['Application', 'ApplicationSet']], ['workloads', ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'Pod']],
  ['secrets', ['ClusterSecretStore', 'SecretStore', 'ExternalSecret']], ['certificates', ['ClusterIssuer', 'Issuer', 'Certificate']],
  ['traffic', ['Gateway', 'HTTPRoute', 'GRPCRoute', 'TLSRoute']], ['admission', ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration', 'ClusterPolicy']],
  ['storage', ['PersistentVolumeClaim']], ['api', ['APIService', 'CustomResourceDefinition', 'Namespace']],
]
