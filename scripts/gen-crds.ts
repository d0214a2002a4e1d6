/** Writes the CustomResourceDefinitions that the blueprint and the stand-in charts carry, from facts of the models packages. `--check` only compares. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { dump } from 'js-yaml'
import { externalSecrets, externalSecretsSchema, generators } from './crd-external-secrets.ts'
import { crdSchema, type Schema } from './crd-schema.ts'
import { kyvernoCrdSchema } from './kyverno-crd-schemas.ts'

interface Column { name: string; type: string; jsonPath: string; priority?: number }
interface Crd {
  kind: string
  plural?: string
  /** Served versions; the first is stored. */
  versions?: string[]
  scope?: 'Cluster'
  short?: string[]
  categories?: string[]
  columns?: Column[]
  /** Without a models package (or where its schema is too large to be useful) spec and status stay open, as upstream's minimal CRDs have it. */
  open?: true
  /** A schema written by hand instead. */
  schema?: Schema
  scale?: { specReplicasPath: string; statusReplicasPath: string }
  noStatus?: true
  defaults?: Defaults
}
/** Defaults that upstream's definition carries and its types do not say, by field path (`[]` is every item). */
type Defaults = Readonly<Record<string, unknown>>
interface CrdFile { file: string; group: string; package?: string; version: string; annotations?: Record<string, string>; crds: Crd[] }

const age: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }
const text = (name: string, jsonPath: string): Column => ({ name, type: 'string', jsonPath })
const condition = (name: string, type: string): Column => text(name, `.status.conditions[?(@.type=="${type}")].status`)
const kyvernoColumns = [{ name: 'ADMISSION', type: 'boolean', jsonPath: '.spec.admission' }, { name: 'BACKGROUND', type: 'boolean', jsonPath: '.spec.background' },
  text('READY', '.status.conditions[?(@.type == "Ready")].status'), age, text('MESSAGE', '.status.conditions[?(@.type == "Ready")].message')]
const celColumns = [age, text('Ready', '.status.conditionStatus.ready')]
const reportColumns = [text('KIND', '.scope.kind'), text('NAME', '.scope.name'), ...['pass', 'fail', 'warn', 'error', 'skip'].map((s) => ({ name: s.toUpperCase(), type: 'integer', jsonPath: `.summary.${s}` })), age]
const secretStoreColumns = [age, text('Status', '.status.conditions[?(@.type=="Ready")].reason'), text('Capabilities', '.status.capabilities'), condition('Ready', 'Ready')]

const backendRef: Defaults = { group: '', kind: 'Service', weight: 1 }
const under = (path: string, defaults: Defaults): Defaults => Object.fromEntries(Object.entries(defaults).map(([field, value]) => [`${path}.${field}`, value]))
const parentRefs = under('spec.parentRefs[]', { group: 'gateway.networking.k8s.io', kind: 'Gateway' })
const httpRouteDefaults: Defaults = {
  ...parentRefs, 'spec.rules[].matches': [{ path: { type: 'PathPrefix', value: '/' } }], 'spec.rules': [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }] }],
  ...under('spec.rules[].matches[]', { path: { type: 'PathPrefix', value: '/' }, 'path.type': 'PathPrefix', 'path.value': '/', 'headers[].type': 'Exact', 'queryParams[].type': 'Exact' }),
  ...under('spec.rules[].backendRefs[]', backendRef), ...under('spec.rules[].filters[].requestMirror.backendRef', { group: '', kind: 'Service' }), 'spec.rules[].filters[].requestRedirect.statusCode': 302,
}
const gatewayDefaults: Defaults = under('spec.listeners[]', { allowedRoutes: { namespaces: { from: 'Same' } }, 'allowedRoutes.namespaces': { from: 'Same' }, 'allowedRoutes.namespaces.from': 'Same', 'allowedRoutes.kinds[].group': 'gateway.networking.k8s.io', 'tls.mode': 'Terminate', 'tls.certificateRefs[].group': '', 'tls.certificateRefs[].kind': 'Secret' })
const grpcRouteDefaults: Defaults = { ...parentRefs, ...under('spec.rules[].backendRefs[]', backendRef), ...under('spec.rules[].matches[]', { 'method.type': 'Exact', 'headers[].type': 'Exact' }) }

/** External Secrets' own conversion is none: both versions have the same fields. */
const stores = ['v1', 'v1beta1']

const severityCounts: Column[] = ['critical', 'high', 'medium', 'low'].map((severity) => ({ name: severity.charAt(0).toUpperCase() + severity.slice(1), type: 'integer', jsonPath: `.report.summary.${severity}Count`, priority: 1 }))
const checkColumns: Column[] = [text('Scanner', '.report.scanner.name'), age, ...severityCounts]
const files: CrdFile[] = [
  {
    file: 'blueprint/IT/crds/gateway-api.yaml', group: 'gateway.networking.k8s.io', package: '@kubernetes-models/gateway-api', version: 'v1',
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/3328', 'gateway.networking.k8s.io/bundle-version': 'v1.2.1', 'gateway.networking.k8s.io/channel': 'standard' },
    crds: [
      { kind: 'GatewayClass', plural: 'gatewayclasses', scope: 'Cluster', short: ['gc'], categories: ['gateway-api'], columns: [text('Controller', '.spec.controllerName'), condition('Accepted', 'Accepted'), age] },
      { kind: 'Gateway', defaults: gatewayDefaults, versions: ['v1', 'v1beta1'], short: ['gtw'], categories: ['gateway-api'], columns: [text('Class', '.spec.gatewayClassName'), text('Address', '.status.addresses[*].value'), condition('Programmed', 'Programmed'), age] },
      { kind: 'HTTPRoute', defaults: httpRouteDefaults, versions: ['v1', 'v1beta1'], categories: ['gateway-api'], columns: [text('Hostnames', '.spec.hostnames'), age] },
      { kind: 'GRPCRoute', defaults: grpcRouteDefaults, categories: ['gateway-api'], columns: [text('Hostnames', '.spec.hostnames'), age] },
    ],
  },
  { file: 'blueprint/IT/crds/gateway-api-reference-grant.yaml', group: 'gateway.networking.k8s.io', package: '@kubernetes-models/gateway-api', version: 'v1beta1', annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/3328' }, crds: [{ kind: 'ReferenceGrant', short: ['refgrant'], categories: ['gateway-api'], columns: [age], noStatus: true }] },
  { file: 'blueprint/IT/crds/gateway-api-tls-route.yaml', group: 'gateway.networking.k8s.io', package: '@kubernetes-models/gateway-api', version: 'v1alpha2', annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/3328' }, crds: [{ kind: 'TLSRoute', defaults: { ...parentRefs, ...under('spec.rules[].backendRefs[]', backendRef) }, categories: ['gateway-api'], columns: [text('Hostnames', '.spec.hostnames'), age] }] },
  {
    file: 'components/prometheus/crds-chart/templates/crds.yaml', group: 'monitoring.coreos.com', package: '@kubernetes-models/prometheus-operator', version: 'v1',
    crds: [
      { kind: 'ServiceMonitor', short: ['smon'], categories: ['prometheus-operator'] }, { kind: 'PodMonitor', short: ['pmon'], categories: ['prometheus-operator'] },
      { kind: 'Probe', short: ['prb'], categories: ['prometheus-operator'] }, { kind: 'PrometheusRule', short: ['promrule'], categories: ['prometheus-operator'] },
      { kind: 'Prometheus', plural: 'prometheuses', short: ['prom'], categories: ['prometheus-operator'], scale: { specReplicasPath: '.spec.shards', statusReplicasPath: '.status.shards' }, columns: [text('Version', '.spec.version'), { name: 'Desired', type: 'integer', jsonPath: '.spec.replicas' }, { name: 'Ready', type: 'integer', jsonPath: '.status.availableReplicas' }, condition('Reconciled', 'Reconciled'), condition('Available', 'Available'), age] },
      { kind: 'Alertmanager', short: ['am'], categories: ['prometheus-operator'], columns: [text('Version', '.spec.version'), { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' }, { name: 'Ready', type: 'integer', jsonPath: '.status.availableReplicas' }, condition('Reconciled', 'Reconciled'), condition('Available', 'Available'), age] },
      { kind: 'ThanosRuler', short: ['ruler'], categories: ['prometheus-operator'] },
    ],
  },
  { file: 'components/prometheus/crds-chart/templates/crds-v1alpha1.yaml', group: 'monitoring.coreos.com', package: '@kubernetes-models/prometheus-operator', version: 'v1alpha1', crds: [{ kind: 'AlertmanagerConfig', short: ['amcfg'], categories: ['prometheus-operator'], open: true }, { kind: 'PrometheusAgent', short: ['promagent'], categories: ['prometheus-operator'], open: true }, { kind: 'ScrapeConfig', short: ['scfg'], categories: ['prometheus-operator'], open: true }] },
  {
    file: 'components/external-secrets/chart/templates/crds/external-secrets.yaml', group: 'external-secrets.io', package: externalSecrets, version: 'v1',
    crds: [
      { kind: 'ExternalSecret', versions: stores, short: ['es'], categories: ['external-secrets'], columns: [text('StoreType', '.spec.secretStoreRef.kind'), text('Store', '.spec.secretStoreRef.name'), text('Refresh Interval', '.spec.refreshInterval'), text('Status', '.status.conditions[?(@.type=="Ready")].reason'), condition('Ready', 'Ready'), { name: 'Last Sync', type: 'date', jsonPath: '.status.refreshTime' }] },
      { kind: 'ClusterExternalSecret', versions: stores, scope: 'Cluster', short: ['ces'], categories: ['external-secrets'], columns: [text('Store', '.spec.externalSecretSpec.secretStoreRef.name'), text('Refresh Interval', '.spec.refreshTime'), condition('Ready', 'Ready')] },
      { kind: 'SecretStore', versions: stores, short: ['ss'], categories: ['external-secrets'], columns: secretStoreColumns },
      { kind: 'ClusterSecretStore', versions: stores, scope: 'Cluster', short: ['css'], categories: ['external-secrets'], columns: secretStoreColumns },
    ],
  },
  {
    file: 'components/external-secrets/chart/templates/crds/push-secrets.yaml', group: 'external-secrets.io', package: externalSecrets, version: 'v1alpha1',
    crds: [
      { kind: 'PushSecret', short: ['ps'], categories: ['external-secrets'], columns: [age, text('Status', '.status.conditions[?(@.type=="Ready")].reason')] },
      { kind: 'ClusterPushSecret', scope: 'Cluster', categories: ['external-secrets'], columns: [age, text('Status', '.status.conditions[?(@.type=="Ready")].reason')] },
    ],
  },
  {
    file: 'components/external-secrets/chart/templates/crds/generators.yaml', group: 'generators.external-secrets.io', package: externalSecrets, version: 'v1alpha1',
    crds: [
      ...generators.map((kind): Crd => ({ kind, categories: ['external-secrets', 'external-secrets-generators'], noStatus: true, ...(kind === 'ClusterGenerator' ? { scope: 'Cluster' } : {}) })),
      { kind: 'GeneratorState', short: ['gs'], categories: ['external-secrets', 'external-secrets-generators'], columns: [text('GC Deadline', '.spec.garbageCollectionDeadline')] },
    ],
  },
  {
    file: 'components/argo-workflows/chart/templates/crds.yaml', group: 'argoproj.io', version: 'v1alpha1',
    crds: [
      { kind: 'Workflow', short: ['wf'], open: true, noStatus: true, columns: [{ ...text('Status', '.status.phase') }, { ...age, jsonPath: '.status.startedAt' }, text('Message', '.status.message')] },
      { kind: 'WorkflowTemplate', short: ['wftmpl'], open: true, noStatus: true }, { kind: 'ClusterWorkflowTemplate', scope: 'Cluster', short: ['clusterwftmpl', 'cwft'], open: true, noStatus: true },
      { kind: 'CronWorkflow', short: ['cwf', 'cronwf'], open: true, noStatus: true }, { kind: 'WorkflowEventBinding', short: ['wfeb'], open: true, noStatus: true },
      { kind: 'WorkflowTaskSet', short: ['wfts'], open: true }, { kind: 'WorkflowTaskResult', open: true, noStatus: true }, { kind: 'WorkflowArtifactGCTask', short: ['wfat'], open: true },
    ],
  },
  { file: 'components/argo-events/chart/templates/crds.yaml', group: 'argoproj.io', version: 'v1alpha1', crds: [{ kind: 'EventBus', plural: 'eventbus', short: ['eb'], open: true }, { kind: 'EventSource', short: ['es'], open: true }, { kind: 'Sensor', short: ['sn'], open: true }] },
  {
    file: 'components/trivy/chart/crds/aquasecurity.yaml', group: 'aquasecurity.github.io', version: 'v1alpha1',
    crds: [
      { kind: 'VulnerabilityReport', short: ['vuln', 'vulns'], open: true, noStatus: true, columns: [text('Repository', '.report.artifact.repository'), text('Tag', '.report.artifact.tag'), text('Scanner', '.report.scanner.name'), age, ...severityCounts, { name: 'Unknown', type: 'integer', jsonPath: '.report.summary.unknownCount', priority: 1 }] },
      { kind: 'ExposedSecretReport', short: ['exposedsecret', 'exposedsecrets'], open: true, noStatus: true, columns: [text('Repository', '.report.artifact.repository'), text('Tag', '.report.artifact.tag'), text('Scanner', '.report.scanner.name'), age, ...severityCounts] },
      { kind: 'SbomReport', short: ['sbom', 'sboms'], open: true, noStatus: true, columns: [text('Repository', '.report.artifact.repository'), text('Tag', '.report.artifact.tag'), text('Scanner', '.report.scanner.name'), age, { name: 'Components', type: 'integer', jsonPath: '.report.summary.componentsCount', priority: 1 }, { name: 'Dependencies', type: 'integer', jsonPath: '.report.summary.dependenciesCount', priority: 1 }] },
      ...([['ConfigAuditReport', 'configaudit'], ['RbacAssessmentReport', 'rbacassessment'], ['InfraAssessmentReport', 'infraassessment']] as const).map(([kind, short]): Crd => ({ kind, short: [short], open: true, noStatus: true, columns: checkColumns })),
      ...([['ClusterConfigAuditReport', 'clusterconfigaudit'], ['ClusterRbacAssessmentReport', 'clusterrbacassessmentreport'], ['ClusterInfraAssessmentReport', 'clusterinfraassessment']] as const).map(([kind, short]): Crd => ({ kind, short: [short], scope: 'Cluster', open: true, noStatus: true, columns: checkColumns })),
      ...['ClusterVulnerabilityReport', 'ClusterComplianceReport', 'ClusterSbomReport'].map((kind): Crd => ({ kind, scope: 'Cluster', open: true, ...(kind === 'ClusterComplianceReport' ? {} : { noStatus: true }) })),
    ],
  },
  {
    file: 'components/kyverno/chart/templates/crds/kyverno.yaml', group: 'kyverno.io', version: 'v1',
    crds: [
      { kind: 'ClusterPolicy', plural: 'clusterpolicies', versions: ['v1', 'v2beta1'], scope: 'Cluster', short: ['cpol'], categories: ['kyverno'], open: true, columns: kyvernoColumns },
      { kind: 'Policy', plural: 'policies', versions: ['v1', 'v2beta1'], short: ['pol'], categories: ['kyverno'], open: true, columns: kyvernoColumns },
    ],
  },
  {
    file: 'components/kyverno/chart/templates/crds/kyverno-v2.yaml', group: 'kyverno.io', version: 'v2',
    crds: [
      { kind: 'PolicyException', versions: ['v2', 'v2beta1'], short: ['polex'], categories: ['kyverno'], open: true, noStatus: true }, { kind: 'CleanupPolicy', plural: 'cleanuppolicies', versions: ['v2', 'v2beta1'], short: ['cleanpol'], categories: ['kyverno'], open: true, columns: [text('Schedule', '.spec.schedule'), age] },
      { kind: 'ClusterCleanupPolicy', plural: 'clustercleanuppolicies', versions: ['v2', 'v2beta1'], scope: 'Cluster', short: ['ccleanpol'], categories: ['kyverno'], open: true, columns: [text('Schedule', '.spec.schedule'), age] }, { kind: 'UpdateRequest', short: ['ur'], categories: ['kyverno'], open: true },
      { kind: 'GlobalContextEntry', plural: 'globalcontextentries', scope: 'Cluster', short: ['gctxentry'], categories: ['kyverno'], open: true },
    ],
  },
  {
    file: 'components/kyverno/chart/templates/crds/policies.yaml', group: 'policies.kyverno.io', version: 'v1alpha1',
    crds: [
      ...([['ValidatingPolicy', 'vpol'], ['MutatingPolicy', 'mpol'], ['GeneratingPolicy', 'gpol'], ['DeletingPolicy', 'dpol'], ['ImageValidatingPolicy', 'ivpol']] as const).flatMap(([kind, short]): Crd[] => [
        { kind, plural: `${kind.toLowerCase().slice(0, -1)}ies`, versions: ['v1alpha1', 'v1beta1', 'v1'], scope: 'Cluster', short: [short], categories: ['kyverno'], schema: kyvernoCrdSchema(kind), columns: celColumns },
        { kind: `Namespaced${kind}`, plural: `namespaced${kind.toLowerCase().slice(0, -1)}ies`, versions: ['v1beta1', 'v1'], short: [`n${short}`], categories: ['kyverno'], schema: kyvernoCrdSchema(kind), columns: celColumns },
      ]),
      { kind: 'PolicyException', plural: 'policyexceptions', versions: ['v1alpha1', 'v1beta1', 'v1'], categories: ['kyverno'], schema: kyvernoCrdSchema('PolicyException'), noStatus: true },
    ],
  },
  { file: 'components/kyverno/chart/templates/crds/reports.yaml', group: 'reports.kyverno.io', version: 'v1', crds: [{ kind: 'EphemeralReport', short: ['ephr'], open: true, noStatus: true }, { kind: 'ClusterEphemeralReport', scope: 'Cluster', short: ['cephr'], open: true, noStatus: true }] },
  { file: 'components/kyverno/chart/templates/crds/wgpolicyk8s.yaml', group: 'wgpolicyk8s.io', version: 'v1alpha2', crds: [{ kind: 'PolicyReport', short: ['polr'], open: true, noStatus: true, columns: reportColumns }, { kind: 'ClusterPolicyReport', scope: 'Cluster', short: ['cpolr'], open: true, noStatus: true, columns: reportColumns }] },
]

function withDefaults(schema: Schema, defaults: Defaults): Schema {
  const copy = structuredClone(schema)
  for (const [path, value] of Object.entries(defaults)) {
    let at: Schema | undefined = copy
    for (const step of path.replaceAll('[]', '.[]').split('.')) at = (step === '[]' ? at?.['items'] : (at?.['properties'] as Record<string, Schema> | undefined)?.[step]) as Schema | undefined
    if (at === undefined) throw new Error(`no field ${path} to give a default to`)
    at['default'] = value
  }
  return copy
}

function definition(file: CrdFile, crd: Crd): Schema {
  const plural = crd.plural ?? `${crd.kind.toLowerCase()}s`
  const versions = crd.versions ?? [file.version]
  const schema: Schema = crd.schema ?? (crd.open === true || file.package === undefined
    ? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' } } }
    : withDefaults(file.package === externalSecrets ? externalSecretsSchema(file.group, file.version, crd.kind) : crdSchema(file.package, file.group, file.version, crd.kind), crd.defaults ?? {}))
  const subresources = { ...(crd.noStatus === true ? {} : { status: {} }), ...(crd.scale === undefined ? {} : { scale: crd.scale }) }
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${file.group}`, ...(file.annotations === undefined ? {} : { annotations: file.annotations }) },
    spec: {
      group: file.group, scope: crd.scope ?? 'Namespaced',
      names: {
        kind: crd.kind, listKind: `${crd.kind}List`, plural, singular: crd.kind.toLowerCase(),
        ...(crd.short === undefined ? {} : { shortNames: crd.short }), ...(crd.categories === undefined ? {} : { categories: crd.categories }),
      },
      versions: versions.map((name, index) => ({
        name, served: true, storage: index === 0, schema: { openAPIV3Schema: schema },
        ...(Object.keys(subresources).length > 0 ? { subresources } : {}), additionalPrinterColumns: crd.columns ?? [age],
      })),
    },
  }
}

/** Writes what differs (or only names it, with `check`); returns the paths. */
export function generateCrds(check: boolean): string[] {
  return files.flatMap((file) => {
    const content = `# Generated by scripts/gen-crds.ts; do not edit.\n${file.crds.map((crd) => dump(definition(file, crd), { noRefs: true, lineWidth: -1, ...(crd.schema === undefined ? {} : { flowLevel: 6 }) })).join('---\n')}`
    let now = ''
    try { now = readFileSync(file.file, 'utf8') } catch (error) { if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error }
    if (now === content) return []
    if (!check) {
      mkdirSync(dirname(file.file), { recursive: true })
      writeFileSync(file.file, content)
    }
    return [file.file]
  })
}
