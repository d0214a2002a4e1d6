import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concerns, readPush } from './push-event.ts'

const github = { ref: 'refs/heads/main', repository: { clone_url: 'https://Git.example.org/Team/App.git', default_branch: 'main' }, commits: [{ added: ['a/x'], modified: ['b/y'], removed: [] }, { modified: ['b/y'] }] }
const gitlab = { ref: 'refs/tags/v1', project: { git_http_url: 'https://git.example.org/team/app.git', default_branch: 'main' } }

test('pushes of four hosts are read, other events are not', () => {
  for (const header of ['x-github-event', 'x-gitea-event', 'x-gogs-event']) {
    const push = readPush(new Headers({ [header]: 'push' }), JSON.stringify(github))
    assert.deepEqual([push?.revision, push?.isDefaultBranch, push?.changed], ['main', true, ['a/x', 'b/y']], header)
  }
  assert.deepEqual(readPush(new Headers({ 'x-gitlab-event': 'Tag Push Hook' }), JSON.stringify(gitlab)), { urls: ['https://git.example.org/team/app.git'], revision: 'v1', isDefaultBranch: false, changed: undefined })
  for (const [header, body] of [['ping', '{}'], ['push', '{'], ['push', '{}']] as const) assert.equal(readPush(new Headers({ 'x-github-event': header }), body), undefined)
})

test('a push concerns sources of the same repository and revision, however the URL is written', () => {
  const push = readPush(new Headers({ 'x-github-event': 'push' }), JSON.stringify(github))
  assert.ok(push)
  const of = (repoURL: string, targetRevision?: string) => concerns(push, { repoURL, ...(targetRevision === undefined ? {} : { targetRevision }) })
  assert.deepEqual([of('https://git.example.org/team/app'), of('https://user@git.example.org/team/app.git/', 'HEAD'), of('https://git.example.org/team/app', 'main'), of('https://git.example.org/team/app', 'refs/heads/main')], [true, true, true, true])
  assert.deepEqual([of('https://git.example.org/team/app', 'dev'), of('https://git.example.org/team/other', 'main')], [false, false])
})
