import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '@idp/formats'
import { CodedError, silentLog } from '@idp/kit'
import { createCatalog, type CatalogFile, type CatalogOptions } from '../engine/catalog/catalog.ts'
import { answerCatalog } from '../engine/catalog/routes.ts'
import { formatEntityRef, parseEntityRef, type Entity } from '../engine/catalog/entity.ts'
import { validateEntity } from '../engine/catalog/validate-entity.ts'

const component = (change: (entity: any) => void = () => undefined): Json => { // oxlint-disable-line no-explicit-any -- broken on purpose
  const entity = { apiVersion: 'backstage.io/v1alpha1', kind: 'Component', metadata: { name: 'a' }, spec: { type: 'service', lifecycle: 'production', owner: 'team' } }
  change(entity)
  return entity as unknown as Json
}
const of = (kind: string, spec: Json, name = 'a'): Json => ({ apiVersion: kind === 'Template' ? 'scaffolder.backstage.io/v1beta3' : 'backstage.io/v1alpha1', kind, metadata: { name }, spec })

test('entities are refused in upstream\'s words', () => {
  const rows: [entity: Json, want: RegExp | undefined][] = [
    [component(), undefined],
    [component((e) => { delete e.metadata.name }), /caused by Error: Malformed envelope, \/metadata must have required property 'name'$/],
    [component((e) => { e.metadata.name = '' }), /Malformed envelope, \/metadata\/name must NOT have fewer than 1 characters$/],
    [component((e) => { e.metadata.name = 7 }), /\/metadata\/name must be string$/],
    [component((e) => { e.metadata.name = 'a b' }), /"metadata\.name" is not valid; expected a string that is sequences of \[a-zA-Z0-9\] separated by any of \[-_\.\], at most 63 characters in total but found "a b"\. To learn more/],
    [component((e) => { e.metadata.name = 'x'.repeat(64) }), /"metadata\.name" is not valid/],
    [component((e) => { e.metadata.namespace = 'A_b' }), /"metadata\.namespace" is not valid; expected a string that is sequences of \[a-z0-9\] separated by \[-\]/],
    [component((e) => { e.kind = '7x' }), /"kind" is not valid; expected a string that is a sequence of \[a-zA-Z\]\[a-z0-9A-Z\]/],
    [component((e) => { e.apiVersion = 'x/y/z' }), /"apiVersion" is not valid; expected a valid prefix and\/or suffix but found "x\/y\/z"/],
    [component((e) => { e.apiVersion = 'foo.io/v1' }), /No processor recognized the entity component:default\/a as valid, possibly caused by a foreign kind or apiVersion/],
    [component((e) => { delete e.apiVersion }), /<root> must have required property 'apiVersion'/],
    [component((e) => { e.foo = 1 }), /<root> must NOT have additional properties/],
    [component((e) => { e.metadata.labels = { 'a b': 'c' } }), /"labels\.a b" is not valid; expected a valid prefix and\/or suffix but found "a b"/],
    [component((e) => { e.metadata.labels = { a: 1 } }), /\/metadata\/labels\/a must be string/],
    [component((e) => { e.metadata.annotations = { '-': 'x' } }), /"annotations\.-" is not valid/],
    [component((e) => { e.metadata.tags = ['A'] }), /"tags\.0" is not valid; expected a string that is sequences of \[a-z0-9\+#\] separated by \[-\]/],
    [component((e) => { e.metadata.links = [{ title: 'x' }] }), /\/metadata\/links\/0 must have required property 'url'/],
    [component((e) => { e.metadata.links = [{ url: 'nope' }] }), /"links\.0\.url" is not valid; expected a string that is a valid url but found "nope"/],
    [component((e) => { delete e.spec }), /caused by TypeError: <root> must have required property 'spec' - missingProperty: spec$/],
    [component((e) => { delete e.spec.type }), /caused by TypeError: \/spec must have required property 'type' - missingProperty: type$/],
    [component((e) => { e.spec.owner = '' }), /\/spec\/owner must NOT have fewer than 1 characters - limit: 1$/],
    [component((e) => { e.spec.dependsOn = 'x' }), /\/spec\/dependsOn must be array - type: array$/],
    [of('Group', { type: 'team' }), /\/spec must have required property 'children' - missingProperty: children$/],
    [of('User', {}), /required property 'memberOf'/],
    [of('User', { memberOf: [], profile: { email: 7 } }), /\/spec\/profile\/email must be string - type: string$/],
    [of('API', { type: 'openapi', lifecycle: 'x', owner: 'y' }), /required property 'definition'/],
    [of('Location', { presence: 'x' }), /\/spec\/presence must be equal to one of the allowed values - allowedValues: required,optional$/],
    [of('System', {}), /required property 'owner'/], [of('Domain', { owner: 'x' }), undefined], [of('Resource', { owner: 'x' }), /required property 'type'/],
    [of('Template', { type: 'service' }), /required property 'steps'/], ['x', /<root> must be object/], [null, /<root> must be object/],
  ]
  for (const [entity, want] of rows) {
    const [first] = validateEntity(entity)
    if (want === undefined) assert.equal(first, undefined)
    else assert.match(first?.message ?? 'no error', want)
  }
})

test('references have a canonical form', () => {
  const rows: [text: string, want: string | RegExp][] = [['Component:Prod/A', 'component:prod/a'], ['b', 'group:ns/b'], ['x/b', 'group:x/b'], ['a:b:c', /was not on the form/], ['', /was not on the form/]]
  for (const [text, want] of rows) {
    if (typeof want === 'string') assert.equal(formatEntityRef(parseEntityRef(text, { kind: 'group', namespace: 'ns' })), want)
    else assert.throws(() => parseEntityRef(text), want)
  }
  assert.throws(() => parseEntityRef('b'), /missing or empty kind/)
})

interface World { files: Record<string, string | Error> }

function catalogOf(world: World, options: Partial<CatalogOptions> = {}) {
  const kept = new Map<string, CatalogFile>()
  return createCatalog({
    log: silentLog, stored: [], store: async () => undefined, orphanStrategy: 'delete', locations: [{ type: 'url', target: 'http://git/all' }], allow: ['Component', 'API', 'System', 'Domain', 'Resource', 'Group', 'User', 'Location', 'Template'],
    async read({ target }) {
      const text = world.files[target]
      if (text === undefined) throw new CodedError({ code: 'NotFound', message: `no file ${target}` })
      if (text instanceof Error) throw text
      const before = kept.get(target)
      const file = before?.text === text ? before : { url: target, text }
      kept.set(target, file)
      return [file]
    },
    ...options,
  })
}
const yaml = (...entities: Json[]): string => entities.map((one) => JSON.stringify(one)).join('\n---\n')
const relationsOf = (entity: Entity | undefined): string[] => (entity?.relations ?? []).map(({ type, targetRef }) => `${type} ${targetRef}`)

test('relations go both ways', async () => {
  const world = { files: { 'http://git/all': yaml(
    component((e) => Object.assign(e.spec, { system: 's', providesApis: ['api'], consumesApis: ['other'], dependsOn: ['resource:db'], subcomponentOf: 'whole' })),
    of('System', { owner: 'team', domain: 'd' }, 's'), of('API', { type: 'openapi', lifecycle: 'x', owner: 'user:u', definition: 'x' }, 'api'), of('Resource', { type: 'db', owner: 'team' }, 'db'),
    of('Group', { type: 'team', children: ['sub'], parent: 'top', members: ['u'] }, 'team'), of('User', { memberOf: ['sub'] }, 'u'), of('Domain', { owner: 'team' }, 'd'),
  ) } }
  const catalog = catalogOf(world)
  await catalog.refresh()
  const rows: [ref: string, want: string[]][] = [
    ['component:default/a', ['consumesApi api:default/other', 'dependsOn resource:default/db', 'ownedBy group:default/team', 'partOf component:default/whole', 'partOf system:default/s', 'providesApi api:default/api']],
    ['api:default/api', ['apiProvidedBy component:default/a', 'ownedBy user:default/u']], ['resource:default/db', ['dependencyOf component:default/a', 'ownedBy group:default/team']],
    ['system:default/s', ['hasPart component:default/a', 'ownedBy group:default/team', 'partOf domain:default/d']], ['domain:default/d', ['hasPart system:default/s', 'ownedBy group:default/team']],
    ['user:default/u', ['memberOf group:default/sub', 'memberOf group:default/team', 'ownerOf api:default/api']],
    ['group:default/team', ['childOf group:default/top', 'hasMember user:default/u', 'ownerOf component:default/a', 'ownerOf domain:default/d', 'ownerOf resource:default/db', 'ownerOf system:default/s', 'parentOf group:default/sub']],
  ]
  for (const [ref, want] of rows) assert.deepEqual(relationsOf(catalog.get(ref)), want, ref)
})

test('a wrong version keeps the last good one, an unreachable location everything, a vanished entity goes or is an orphan', async () => {
  for (const orphanStrategy of ['delete', 'keep'] as const) {
    const world: World = { files: { 'http://git/all': yaml(component(), component((e) => { e.metadata.name = 'b' })) } }
    const catalog = catalogOf(world, { orphanStrategy })
    await catalog.refresh()
    const first = catalog.get('component:default/a')
    await catalog.refresh()
    assert.equal(catalog.get('component:default/a'), first, 'the same object while nothing changes')

    world.files['http://git/all'] = yaml(component((e) => { delete e.spec.owner }), component((e) => { e.metadata.name = 'b' }))
    await catalog.refresh()
    assert.match(catalog.get('component:default/a')?.status?.items[0]?.message ?? '', /required property 'owner'/)
    assert.equal(catalog.get('component:default/a')?.spec?.['owner'], 'team')
    assert.deepEqual(catalog.failures().map((one) => one.entityRef), ['component:default/a'])

    world.files['http://git/all'] = new Error('away')
    await catalog.refresh()
    assert.equal(catalog.list().filter((one) => one.kind === 'Component').length, 2)
    assert.match(catalog.list().find((one) => one.kind === 'Location')?.status?.items[0]?.message ?? '', /Unable to read url, away/)

    world.files['http://git/all'] = yaml(component())
    await catalog.refresh()
    assert.equal(catalog.get('component:default/b')?.metadata.annotations?.['backstage.io/orphan'], orphanStrategy === 'keep' ? 'true' : undefined)
    assert.equal(catalog.get('component:default/b') === undefined, orphanStrategy === 'delete')
    assert.equal(catalog.get('component:default/a')?.status, undefined)
  }
})

test('locations name others, what is not allowed or comes twice or is no YAML is told', async () => {
  const world: World = { files: {
    'http://git/all': `${yaml(of('Location', { targets: ['./more', 'http://git/bad', './gone'] }, 'l'), component())}`, 'http://git/more': yaml(component((e) => { e.metadata.name = 'deep' }), component(), of('Group', { type: 't', children: [] }, 'g')), 'http://git/bad': 'a: [',
  } }
  const catalog = catalogOf(world, { allow: ['Component', 'Location'] })
  await catalog.refresh()
  assert.deepEqual(catalog.parents('component:default/deep'), ['location:default/l'])
  assert.equal(catalog.get('component:default/deep')?.metadata.annotations?.['backstage.io/managed-by-origin-location'], 'url:http://git/all')
  const messages = catalog.failures().map(({ errors }) => errors[0]?.message ?? '').sort()
  assert.match(messages[0] ?? '', /Entity component:default\/a at url:http:\/\/git\/(more|all) is already defined at/)
  assert.match(messages[1] ?? '', /Entity group:default\/g at url:http:\/\/git\/more is not of an allowed kind/)
  assert.match(messages[2] ?? '', /YAML error at http:\/\/git\/bad/)
  assert.match(catalog.get('location:default/l')?.status?.items.map(({ message }) => message).join() ?? '', /no file http:\/\/git\/gone/)
})

test('the HTTP API filters, pages, counts and registers', async () => {
  const names = ['c1', 'c2', 'c3', 'c4', 'c5']
  const world: World = { files: {
    'http://git/all': yaml(...names.map((name, index) => component((e) => { e.metadata.name = name; e.metadata.tags = index % 2 === 0 ? ['java', 'web'] : ['go']; e.spec.type = index < 3 ? 'service' : 'website'; if (index === 4) e.metadata.annotations = { 'x.io/y': 'z' } })), of('Group', { type: 'team', children: [] }, 'team')),
    'http://git/new': yaml(component((e) => { e.metadata.name = 'new' })), 'http://git/wrong': yaml(component((e) => { delete e.spec.owner })),
  } }
  const catalog = catalogOf(world)
  await catalog.refresh()
  const call = async (path: string, init?: RequestInit) => {
    const url = new URL(path, 'http://x')
    return answerCatalog(new Request(url, init), url.pathname, catalog).catch((error: Error) => new Response(error.message, { status: 400 }))
  }
  const json = async (path: string, init?: RequestInit): Promise<any> => (await call(path, init))?.json() // oxlint-disable-line no-explicit-any -- answers of every shape
  const rows: [query: string, want: string[]][] = [
    ['filter=kind=component', names], ['filter=kind=Component,spec.type=website', ['c4', 'c5']], ['filter=spec.type=service,spec.type=website,kind=component', names],
    ['filter=metadata.tags=go&filter=metadata.name=c1', ['c1', 'c2', 'c4']], ['filter=metadata.tags.java', ['c1', 'c3', 'c5']], ['filter=metadata.tags.java=true,metadata.tags=web', ['c1', 'c3', 'c5']],
    ['filter=metadata.annotations.x.io/y', ['c5']], ['filter=relations.ownedBy=group:default/team,spec.type=website', ['c4', 'c5']], ['filter=metadata.namespace=default,kind=group', ['team']], ['filter=nothing', []],
    ['filter=kind=component&order=desc:metadata.name', [...names].reverse()], ['filter=kind=component&offset=1&limit=2', ['c2', 'c3']],
  ]
  for (const [query, want] of rows) assert.deepEqual((await json(`/entities?${query}`)).map((one: Entity) => one.metadata.name), want, query)
  assert.deepEqual(await json('/entities?filter=metadata.name=c5&fields=kind,metadata.annotations.x.io/y'), [{ kind: 'Component', metadata: { annotations: { 'x.io/y': 'z' } } }])
  assert.match((await call('/entities?filter=kind=component&limit=2'))?.headers.get('link') ?? '', /after=.+; rel="next"/)

  let page = await json('/entities/by-query?filter=kind=component&limit=2&orderField=metadata.name,desc')
  const seen: string[] = []
  for (;;) {
    seen.push(...page.items.map((one: Entity) => one.metadata.name))
    assert.equal(page.totalItems, 5)
    if (page.pageInfo.nextCursor === undefined) break
    page = await json(`/entities/by-query?limit=2&cursor=${page.pageInfo.nextCursor}`)
  }
  assert.deepEqual(seen, [...names].reverse())
  assert.equal((await json('/entities/by-query?fullTextFilterTerm=WEBSITE&fullTextFilterFields=spec.type')).totalItems, 2)
  assert.equal((await call('/entities/by-query?cursor=xx'))?.status, 400)
  assert.equal((await call('/entities?limit=-1'))?.status, 400)
  assert.deepEqual((await json('/entity-facets?facet=spec.type&facet=metadata.tags&filter=kind=component')).facets, { 'spec.type': [{ value: 'service', count: 3 }, { value: 'website', count: 2 }], 'metadata.tags': [{ value: 'go', count: 2 }, { value: 'java', count: 3 }, { value: 'web', count: 3 }] })
  assert.deepEqual((await json('/entities/by-refs', { method: 'POST', body: JSON.stringify({ entityRefs: ['component:c1', 'component:default/none'], fields: ['metadata.name'] }) })).items, [{ metadata: { name: 'c1' } }, null])
  const c1 = await json('/entities/by-name/component/default/c1')
  assert.deepEqual(await json(`/entities/by-uid/${c1.metadata.uid}`), c1)
  assert.equal((await json('/entities/by-name/component/default/none')).error.name, 'NotFoundError')
  assert.equal((await json('/entities/by-name/component/default/c1/ancestry')).items.length, 2)

  const register = (target: string, query = '') => call(`/locations${query}`, { method: 'POST', body: JSON.stringify({ type: 'url', target }) })
  assert.equal((await register('http://git/new', '?dryRun=true'))?.status, 201)
  assert.equal(catalog.get('component:default/new'), undefined)
  const registered = await register('http://git/new')
  assert.ok(registered)
  const { location } = await registered.json() as { location: { id: string } }
  assert.equal(catalog.get('component:default/new')?.metadata.name, 'new')
  for (const [target, want] of [['http://git/new', /already exists/], ['http://git/wrong', /required property 'owner'/], ['http://git/none', /no file/]] as const) assert.match(await (await register(target))?.text() ?? '', want)
  assert.equal((await call('/locations', { method: 'POST', body: JSON.stringify({ type: 'file', target: '/etc/passwd' }) }))?.status, 400)
  assert.equal((await json('/locations')).length, 1)
  assert.equal((await call(`/locations/${location.id}`, { method: 'DELETE' }))?.status, 204)
  assert.equal(catalog.get('component:default/new'), undefined)
  assert.equal((await call('/validate-entity', { method: 'POST', body: JSON.stringify({ entity: component(), location: 'url:x' }) }))?.status, 200)
  assert.equal((await call('/validate-entity', { method: 'POST', body: JSON.stringify({ entity: {}, location: 'url:x' }) }))?.status, 400)
})
