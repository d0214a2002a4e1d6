import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded } from '@idp/kit'
import { parseYaml, type Json } from '@idp/formats'
import { readPlainYaml } from './plain-yaml.ts'

const object = `# Source: web/templates/all.yaml
apiVersion: v1
kind: "ConfigMap"
metadata:
  name: web   # a comment
  labels: {app: web, "tier": 'x''y', n: 1}
  annotations:
    8080: "yes"
    text: 'one
      two

      three'
data:
  empty:
  folded: some words
    and more of them

    behind an empty line
  script: |
    #!/bin/sh

    echo "a: b"
      deeper
  description: >-
    folded
    lines

    of text
  kept: |+
    line

  last: "a\\tb \\" c"
spec:
  args: ["--a", '--b', c, 1.5, true, [x], {}]
  command: [
      "a", # one
      b,
    ]
  ports:
  - name: http
    port: 0x50
  -
    - - a
      - yes
    - ~
  - --flag=x:y
  - key: value
    other: 2001-01-01
`
const pieces = [' ', '\n', ': ', ':', '#', ' #', '- ', '"', '\'', '|', '|-', '>', '{', '}', '[', ', ', '&a ', '*a', '!x ', '\t', '\\', '0', 'null', '~', '---\n', '%', '?', '<<: ', 'é', '\u2028', '.', '|2', '[]', '\n  ', '\n- ', '__proto__: ', '\r\n', '-']

function whole(text: string): Json | 'fault' | 'indentation' {
  try {
    return parseYaml(text, { duplicateKeys: 'last' })
  } catch (error) {
    // As libyaml has it, indentation means nothing inside brackets.
    if (isCoded(error)) return error.message.includes('indentation') && /[[{]/.test(text) ? 'indentation' : 'fault'
    throw error
  }
}

test('reads most of what people write, as parseYaml reads it', () => {
  assert.deepEqual(readPlainYaml(object)?.value, whole(object))
  for (const text of ['', '# nothing\n', 'a: 1\na: 2\n', '---\na: b\n', '- 1\n- a: b\n  c: d\n', 'word\n', 'a:\n- b\nc: d\n', '{a: b}\n', 'a: "b"', 'a: |\n  b\n\n\n', 'a: [\n  b\n  ]\n']) {
    assert.deepEqual(readPlainYaml(text)?.value, whole(text), JSON.stringify(text))
  }
})

test('leaves the rest to parseYaml', () => {
  for (const text of ['a: &x 1\nb: *x\n', 'a: !!str 1\n', 'a:\tb\n', 'a: b: c\n', 'a: [b\n', 'a\nb\n', '? a\n: b\n', 'a: 1\n---\nb: 2\n', 'a: "\\x41"\n', '<<: {a: b}\n', 'a: .inf\n']) {
    assert.equal(readPlainYaml(text), undefined, JSON.stringify(text))
  }
})

test('where it answers after a random change, parseYaml answers the same', () => {
  let state = 7
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  let answers = 0
  for (let i = 0; i < 4000; i++) {
    let text = object
    for (let edits = 0; edits <= below(3); edits++) {
      const at = below(text.length + 1)
      text = below(2) === 0 ? text.slice(0, at) + (pieces[below(pieces.length)] ?? '') + text.slice(at) : text.slice(0, at) + text.slice(at + 1 + below(6))
    }
    const got = readPlainYaml(text)
    if (got === undefined) continue
    answers++
    const want = whole(text)
    if (want !== 'indentation') assert.deepEqual(got.value, want, text)
  }
  assert.ok(answers > 1000, String(answers))
})
