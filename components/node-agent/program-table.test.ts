import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Component, Program } from '@idp/sandbox'
import { createProgramTable } from './program-table.ts'

const program: Program = { images: [], main: async () => 0 }
const component = (name: string, images: string[], load = async () => program): Component => ({ name, standsInFor: '-', programs: [{ images, load }] })

test('a program is found by its repository, whatever the short form, and loaded once', async () => {
  let loads = 0
  const table = createProgramTable([component('a', ['nginx', 'ghcr.io/acme/web'], async () => { loads++; return program })])
  for (const repository of ['docker.io/library/nginx', 'ghcr.io/acme/web', 'ghcr.io/acme/web']) assert.equal(await table.find(repository)?.(), program)
  assert.equal(loads, 1)
  assert.equal(table.find('docker.io/library/other'), undefined)
})

test('a load that failed is tried again', async () => {
  let loads = 0
  const table = createProgramTable([component('a', ['nginx'], async () => {
    if (++loads === 1) throw new Error('no such file')
    return program
  })])
  const load = table.find('docker.io/library/nginx')
  await assert.rejects(load?.() ?? Promise.resolve(), /no such file/)
  assert.equal(await load?.(), program)
})

test('of two programs for one image the first wins', async () => {
  const other: Program = { images: [], main: async () => 1 }
  const table = createProgramTable([component('a', ['nginx']), component('b', ['docker.io/library/nginx'], async () => other)])
  assert.equal(await table.find('docker.io/library/nginx')?.(), program)
})
