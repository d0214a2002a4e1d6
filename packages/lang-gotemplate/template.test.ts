import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@idp/kit'
import { ExecError, LimitError, ParseError, sprigFunctions, TemplateSet, type GoFunction, type MissingKey } from './index.ts'

const functions: ReadonlyMap<string, GoFunction> = sprigFunctions({ random: seededRandom(1), now: () => Date.UTC(2024, 1, 29, 13, 4, 5) })

function render(template: string, data: unknown = {}, missingKey: MissingKey = 'zero'): string {
  const set = new TemplateSet(functions)
  set.parse('t', template)
  return set.execute('t', data, { missingKey, now: () => 0, limits: { output: 1_000_000 } })
}

/** Each holds in Go 1.25's text/template with Sprig 3.3, as the real helm confirmed. */
const outputs: readonly (readonly [string, string, unknown?])[] = [
  ['{{- 1 }} {{ 1.0 }} {{ 1e6 }} {{ .f }} {{ 1_000 }} {{ 0x1F }} {{ \'a\' }}', '1 1 1e+06 1.234567e+06 1000 31 97', { f: 1234567 }],
  ['{{ .a.b }}|{{ .a.c }}', '<no value>|', { a: { c: '' } }],
  ['{{ range $i, $x := .l }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ if gt $i 2 }}{{ break }}{{ end }}{{ $x }}{{ else }}none{{ end }}', 'ac', { l: ['a', 'b', 'c', 'd'] }],
  ['{{ range $k, $v := . }}{{ $k }}{{ $v }}{{ end }}', 'B2a1', { a: 1, B: 2 }],
  ['{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ end }}{{ $x }}', '2'],
  ['{{ $l := list 1 }}{{ if true }}{{ $l := concat $l (list 2) }}{{ $l }}{{ end }}{{ $l }}', '[1 2][1]'],
  ['{{ define "a" }}[{{ . }}]{{ end }}{{ template "a" 1 }}{{ block "b" 2 }}{{ . }}{{ end }}', '[1]2'],
  ['a  {{- /* c */ -}}  b {{- " c " -}} d', 'ab c d'],
  ['{{ printf "%v %d %q %5.1f|%-4s|%04d %t %T %x" (list 1 "a" nil) 3 "q\\n" 2.55 "ab" 7 true .m "hi" }}', '[1 a <nil>] 3 "q\\n"   2.5|ab  |0007 true map[string]interface {} 6869', { m: {} }],
  ['{{ printf "%#x %#X %#g %#.3g %#.0f %#v" 1.0 1.0 1.5 2.0 3.0 4.0 }}', '0x1.0000p+00 0X1.P+00 1.50000 2.00 3. 4'],
  ['{{ with .a }}{{ . }}{{ else with .b }}{{ . }}{{ else }}none{{ end }}', 'x', { b: 'x' }],
  ['{{ range 3 }}{{ . }}{{ end }}', '012'],
  ['{{ and 1 0 (fail "never") }} {{ or 0 2 (fail "never") }} {{ not 0 }}', '0 2 true'],
  ['{{ len "é" }} {{ index "é" 0 }} {{ trunc 1 "é" | quote }} {{ b64enc "é" }}', '2 195 "\\xc3" w6k='],
  ['{{ add 1 2.9 "3" }} {{ div 7 2 }} {{ mod -7 3 }} {{ divf 10 4 }} {{ addf 0.1 0.2 }} {{ round 2.345 2 }} {{ kindOf (add 1 1) }}', '6 3 -1 2.5 0.3 2.35 int64'],
  ['{{ dict "b" 1 "a" (list 2.5 nil) | toJson }} {{ toPrettyJson (dict "x" 1) }}', '{"a":[2.5,null],"b":1} {\n  "x": 1\n}'],
  ['{{ now | date "2006-01-02T15:04:05Z07:00" }} {{ now | unixEpoch }}', '2024-02-29T13:04:05Z 1709211845'],
  ['{{ $n := now }}{{ eq $n (dateModify "1s" $n) }} {{ eq $n (dateModify "x" $n) }}', 'false true'],
  ['{{ (split "," "a,b")._1 }} {{ splitList "," "a,b" | len }} {{ (split "," "a")._9 }}.', 'b 2 .'],
  ['{{ semverCompare ">=1.21-0 <2-0" "v1.33.4-gke.1" }} {{ (semver "1.2.3-rc.1").Prerelease }}', 'true rc.1'],
  ['{{ merge (dict "a" (dict "x" 1)) (dict "a" (dict "x" 2 "y" 3)) | toJson }}', '{"a":{"x":1,"y":3}}'],
  ['{{ get . "__proto__" }}{{ hasKey . "constructor" }}{{ .constructor }}', 'false<no value>'],
]

for (const [template, want, data] of outputs) test(template, () => assert.equal(render(template, data), want))

const faults: readonly (readonly [string, string, unknown?])[] = [
  ['a\n{{ .a.b.c }}', 'template: t:2:5: executing "t" at <.a.b.c>: nil pointer evaluating interface {}.c', { a: {} }],
  ['{{ .a.b }}', 'template: t:1:5: executing "t" at <.a.b>: can\'t evaluate field b in type interface {}', { a: 'x' }],
  ['{{ upper 1 }}', 'template: t:1:9: executing "t" at <1>: expected string; found 1'],
  ['{{ .x | upper }}', 'template: t:1:8: executing "t" at <upper>: wrong type for value; expected string; got float64', { x: 1 }],
  ['{{ .x | upper }}', 'template: t:1:8: executing "t" at <upper>: invalid value; expected string'],
  ['{{ nindent 4 }}', 'template: t:1:3: executing "t" at <nindent>: wrong number of args for nindent: want 2 got 1'],
  ['{{ eq 1 "a" }}', 'template: t:1:3: executing "t" at <eq 1 "a">: error calling eq: incompatible types for comparison: int and string'],
  ['{{ template "none" }}', 'template: t:1:12: executing "t" at <{{template "none"}}>: template "none" not defined'],
  ['{{ define "a" }}{{ fail "no" }}{{ end }}é {{ template "a" }}', 'template: t:1:19: executing "a" at <fail "no">: error calling fail: no'],
  ['{{ range "x" }}{{ end }}', 'template: t:1:9: executing "t" at <"x">: range can\'t iterate over x'],
  ['{{ div 1 0 }}', 'template: t:1:3: executing "t" at <div 1 0>: error calling div: runtime error: integer divide by zero'],
  ['{{ if }}{{ end }}', 'template: t:1: missing value for if'],
  ['{{ .a', 'template: t:1: unclosed action'],
  ['{{ "a }}', 'template: t:1: unterminated quoted string'],
  ['\n{{ if true }}', 'template: t:2: unexpected EOF'],
  ['{{ nope 1 }}', 'template: t:1: function "nope" not defined'],
  ['{{ $x }}', 'template: t:1: undefined variable "$x"'],
  ['{{ end }}', 'template: t:1: unexpected {{end}}'],
  ['{{ break }}', 'template: t:1: {{break}} outside {{range}}'],
  ['{{ 1 | 2 }}', 'template: t:1: non executable command in pipeline stage 2'],
  ['{{ .a$b }}', 'template: t:1: bad character U+0024 \'$\''],
]

for (const [template, message, data] of faults) {
  test(`fault: ${template}`, () => {
    assert.throws(() => render(template, data), (error) => {
      assert.ok(error instanceof ExecError || error instanceof ParseError, String(error))
      assert.equal(error.message, message)
      return true
    })
  })
}

test('limits end what has no end', () => {
  assert.throws(() => render('{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}'), LimitError)
  assert.throws(() => render('{{ repeat 1000000000 "x" }}'), LimitError)
  assert.throws(() => render('{{ range until 1000000000 }}x{{ end }}'), LimitError)
  assert.throws(() => render('{{ range until 1000000 }}{{ repeat 1000 "x" }}{{ end }}'), LimitError)
  let clock = 0
  const set = new TemplateSet(functions)
  set.parse('t', '{{ range until 100000 }}{{ end }}')
  assert.throws(() => set.execute('t', {}, { now: () => clock++ * 1000, limits: { timeMs: 5_000 } }), (error) => error instanceof LimitError && error.limit === 'time')
})

test('certificates are what TLS libraries accept', async () => {
  const { X509Certificate } = await import('node:crypto')
  const out = render('{{ $ca := genCA "root" 10 }}{{ $c := genSignedCert "leaf" (list "10.0.0.1" "::1") (list "a.example.com") 5 $ca }}{{ $ca.Cert }}SPLIT{{ $c.Cert }}')
  const [ca, leaf] = out.split('SPLIT').map((pem) => new X509Certificate(pem))
  assert.ok(ca !== undefined && leaf !== undefined)
  assert.equal(ca.ca, true)
  assert.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey))
  assert.equal(leaf.subjectAltName, 'DNS:a.example.com, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1')
})
