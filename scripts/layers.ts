/** The layers of the code (lower may not import higher; see ARCHITECTURE.md). The one place where they are listed. */
export const layers: Readonly<Record<string, number>> = {
  'packages/kit': 0,
  'packages/formats': 1, 'packages/pki': 1, 'packages/http': 1,
  'packages/lang-gotemplate': 1, 'packages/lang-jmespath': 1, 'packages/lang-cel': 1,
  'packages/api': 2,
  'packages/store': 3, 'packages/client': 3, 'packages/git': 3, 'packages/render-helm': 3, 'packages/render-kustomize': 3,
  'packages/apiserver': 4, 'packages/controller': 4, 'packages/sandbox': 4,
  'packages/host': 5,
  'packages/testkit': 6, 'components': 6,
  'apps/platform': 7, 'apps/console': 7, 'apps/cli': 8,
  'bench': 9, 'conformance': 9, 'scripts': 9, 'blueprint': 9,
}
