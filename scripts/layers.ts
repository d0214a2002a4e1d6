/** The layers of the code (lower may not import higher; see ARCHITECTURE.md). The one place where they are listed. */
export const layers: Readonly<Record<string, number>> = {
  'packages/kit': 0,
  'packages/formats': 1,
  'packages/pki': 2, 'packages/http': 2, 'packages/lang-gotemplate': 2, 'packages/lang-jmespath': 2,
  'packages/lang-cel': 2, 'packages/lang-promql': 2, 'packages/lang-logql': 3,
  'packages/api': 3,
  'packages/store': 4, 'packages/client': 4, 'packages/git': 4, 'packages/tsdb': 4, 'packages/render-helm': 4, 'packages/render-kustomize': 4,
  'packages/apiserver': 5, 'packages/controller': 5, 'packages/sandbox': 5,
  'packages/host': 6,
  'packages/testkit': 7, 'components': 7,
  'apps/platform': 8, 'apps/console': 9, 'apps/cli': 10,
  'bench': 11, 'conformance': 11, 'scripts': 11, 'blueprint': 11,
}
