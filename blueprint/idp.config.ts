/** The settings of this platform. Checked at every start: a wrong one is named with its path and what is allowed. */
export default {
  cluster: {
    name: 'idp-demo',
    nodes: [
      { name: 'server-0', role: 'control-plane', labels: {}, cpu: '4', memory: '8Gi' },
      { name: 'agent-0', role: 'worker', labels: { 'node-role': 'it-infra' }, cpu: '8', memory: '16Gi' },
      { name: 'agent-1', role: 'worker', labels: { 'node-role': 'k8s-workloads' }, cpu: '8', memory: '16Gi' },
    ],
  },
  domain: { local: 'idp.localhost', public: '127-0-0-1.nip.io' },
  ports: { https: 30443, http: 30080 },
  branch: 'main',
  stacks: { observability: true, events: true, cicd: true, security: true, backstage: true },
  secrets: {
    'argocd/admin': { username: '=admin', plainPassword: 'password', 'admin.password': 'bcrypt:plainPassword' },
    'grafana/admin': { 'admin-user': '=admin', 'admin-password': 'password' },
    'sonarqube/admin': { password: 'password' },
    'sonarqube/monitoring': { passcode: 'hex' },
    'backstage/app': { backendSecret: 'hex' },
    'backstage/postgres': { adminPassword: 'password', appPassword: 'password' },
  },
}
