/** What `/version` says: the Kubernetes version whose API is served. */
export const versionInfo = {
  major: '1', minor: '35', gitVersion: 'v1.35.2+idp', gitCommit: '', gitTreeState: 'clean', buildDate: '2026-02-10T00:00:00Z',
  goVersion: 'none', compiler: 'node', platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  emulationMajor: '1', emulationMinor: '35', minCompatibilityMajor: '1', minCompatibilityMinor: '34',
}
