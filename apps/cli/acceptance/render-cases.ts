import { systemRandom } from '@idp/kit'
import type { ChartSource } from '@idp/platform'
import { admissionOf, apiRules, commitRepository, expandSide, objectsOf, ownUrls, projectFindings, type SideApplication } from '../../platform/preview/index.ts'
import type { CommandContext } from '../context.ts'
import type { TestCase } from './test-case.ts'
import type { TestSource } from './test-source.ts'

/** Every Application of the repository renders, and nothing of it would be refused by the API server or by the repository's own policies. */
export async function renderCases({ clock }: CommandContext, source: TestSource, charts: ChartSource): Promise<TestCase[]> {
  const began = clock.now()
  const files = { commit: source.commit, tree: source.files }
  const isOwn = await ownUrls(source.files, source.remotes)
  const repo = commitRepository({ charts, isOwn, pinned: async () => undefined }).at(files)
  const side = await expandSide(files, { repo, clock, random: systemRandom, isOwn })
  const rules = apiRules(side)
  const admission = [...projectFindings(side), ...await admissionOf(side, { now: () => clock.now() })]
  const ms = clock.now() - began
  const each = Math.round(ms / Math.max(1, side.applications.size))
  const caseOf = (application: SideApplication): TestCase => {
    const { name, problem, elsewhere } = application
    const base = { suite: 'render' as const, name, ms: each }
    if (elsewhere.length > 0) return { ...base, status: 'skipped', message: `its source is another repository: ${elsewhere.join(', ')}` }
    const said = problem !== undefined
      ? [`${problem.code}: ${problem.message}`, ...(problem.where === undefined ? [] : [`where: ${problem.where}`])]
      : [
        ...objectsOf({ ...side, applications: new Map([[name, application]]) }).flatMap(({ object }) => rules.refusals(object).map((text) => `${object.kind} ${object.metadata.name ?? ''} is invalid: ${text}`)),
        ...admission.filter((one) => one.application === name && one.outcome === 'refused').map(({ object, policy, rule, message }) => `${object.kind} ${object.name} is refused by ${policy}/${rule}: ${message}`),
      ]
    return said.length === 0 ? { ...base, status: 'passed' } : { ...base, status: 'failed', message: said.join('\n') }
  }
  const broken = side.problems.map(({ name, code, message, where }): TestCase => ({ suite: 'render', name, ms: 0, status: 'failed', message: [`${code}: ${message}`, ...(where === undefined ? [] : [`where: ${where}`])].join('\n') }))
  if (side.applications.size + broken.length === 0) return [{ suite: 'render', name: 'Applications', ms, status: 'failed', message: 'the repository holds no Application and no ApplicationSet' }]
  return [...[...side.applications.values()].map(caseOf), ...broken]
}
