/** A small chart that helm refuses: files over a Chart.yaml, and a values file. */
export interface FailingChart { readonly name: string; readonly files: Readonly<Record<string, string>> }

const template = (name: string, text: string, more: Readonly<Record<string, string>> = {}): FailingChart => ({ name, files: { 'templates/a.yaml': text, ...more } })
const helpers = (text: string) => ({ 'templates/_helpers.tpl': text })
const values = (text: string) => ({ 'values.yaml': text })
const schema = (text: object, given: string) => ({ 'values.schema.json': JSON.stringify(text), 'values.yaml': given })
const chartFile = (text: string) => ({ 'Chart.yaml': text })

/** Written for this suite: each way to fail that charts know, for helm and for us. */
export const failingCharts: readonly FailingChart[] = [
  template('nil pointer', 'a: {{ .Values.a.b.c }}\n'),
  template('nil pointer in an include', 'a:\n  {{- include "x" . | nindent 2 }}\n', helpers('{{ define "x" }}b: {{ .Values.no.way }}{{ end }}')),
  template('nil pointer two includes deep', '{{ include "x" . }}', helpers('{{ define "x" }}{{ include "y" (dict "v" .Values) }}{{ end }}\n{{ define "y" }}\n\n{{ .v.no.way }}{{ end }}')),
  template('fail', '\n  {{ fail "not this way" }}'),
  template('fail in an include', '{{ include "x" . }}', helpers('{{ define "x" }}{{ fail (printf "bad: %v" .Values) }}{{ end }}')),
  template('required', 'a: {{ required "a name is needed" .Values.name }}\n'),
  template('required of an empty text', 'a: {{ required "a name is needed" "" }}\n'),
  template('no such template', '{{ include "none" . }}'), template('no such template by template', '{{ template "none" . }}'),
  template('no such function', 'a: {{ nothing . }}'), template('not closed', 'a: {{ if .Values.a }}\n'), template('end alone', 'a\n{{ end }}'),
  template('action not closed', 'a\nb: {{ .Values.a \n'), template('string not closed', 'a: {{ "x }}'), template('bad character', 'a: {{ .Values.a ^ 1 }}'), template('undefined variable', '{{ $x }}'),
  template('wrong number of arguments', 'a: {{ trimSuffix "a" }}'), template('wrong type of an argument', 'a: {{ trimSuffix "a" 1 }}'), template('wrong type from values', 'a: {{ upper .Values.n }}', values('n: 1\n')),
  template('range over text', '{{ range .Values.t }}{{ end }}', values('t: text\n')), template('field of text', 'a: {{ .Values.t.u }}', values('t: text\n')), template('field of a list', 'a: {{ .Values.l.u }}', values('l: [1]\n')),
  template('index out of range', 'a: {{ index .Values.l 3 }}', values('l: [1]\n')), template('index of nothing', 'a: {{ index .Values.none "a" }}'), template('comparison of types', '{{ if eq .Values.a "1" }}{{ end }}', values('a: 1\n')),
  template('comparison of maps', '{{ if eq .Values.a .Values.a }}{{ end }}', values('a: {b: 1}\n')), template('lt of types', '{{ if lt .Values.a 1 }}{{ end }}', values('a: 1.5\n')),
  template('len of a number', '{{ len 3 }}'), template('first of text', '{{ first "abc" }}'), template('mustFromJson', '{{ mustFromJson "{" }}'), template('mustRegexFind', '{{ mustRegexFind "(" "a" }}'),
  template('semverCompare', '{{ semverCompare "not a range" "1.0.0" }}'), template('semver', '{{ semver "x" }}'), template('b64dec of nothing', '{{ b64dec nil }}'), template('dict with a key that is no text', '{{ index (dict "a" 1) 1 }}'),
  template('tpl that does not parse', '{{ tpl "{{ .x" . }}'), template('tpl that fails', '{{ tpl "{{ .Values.a.b }}" . }}'), template('tpl that calls fail', '{{ tpl "{{ fail \\"inner\\" }}" . }}'), template('tpl of no text', '{{ tpl .Values.n . }}', values('n: 1\n')),
  template('set on nothing', '{{ set .Values.none "a" 1 }}'), template('merge of text', '{{ merge .Values.t (dict) }}', values('t: text\n')), template('dig into text', '{{ dig "a" "b" "" .Values }}', values('a: text\n')),
  template('toYaml twice', 'a: {{ toYaml .Values.a .Values.b }}'), template('nil command', '{{ nil }}'), template('call of no function', '{{ call .Values.a }}', values('a: 1\n')), template('recursion', '{{ include "x" . }}', helpers('{{ define "x" }}{{ include "x" . }}{{ end }}')),
  template('YAML fault', 'kind: A\na: [1,\nb: 2\n'), template('YAML fault after a template', 'kind: A\n{{ "a: b: c" }}\n'), template('YAML tab', 'kind: A\na:\n\tb: 1\n'), template('YAML text only', 'just text\n'), template('YAML list', '- a\n- b\n'),
  template('kind that is no text', 'kind: [a]\n'), template('annotations that are no map', 'kind: A\nmetadata:\n  annotations: [a]\n'), template('an annotation that is no text', 'kind: A\nmetadata:\n  annotations: {a: 1}\n'), template('name that is no text', 'kind: A\nmetadata: {name: 1}\n'),
  template('schema: type', '', schema({ type: 'object', properties: { n: { type: 'integer' } } }, 'n: text\n')), template('schema: required', '', schema({ required: ['a', 'b'] }, 'a: 1\n')),
  template('schema: several', '', schema({ properties: { a: { enum: ['x', 'y'] }, b: { minimum: 3 }, c: { pattern: '^z' } }, additionalProperties: false }, 'a: q\nb: 1\nc: a\nd: 1\n')),
  template('schema: oneOf', '', schema({ properties: { a: { oneOf: [{ type: 'string' }, { type: 'boolean' }] } } }, 'a: 1\n')), template('schema: items', '', schema({ properties: { a: { type: 'array', items: { type: 'string' }, maxItems: 1 } } }, 'a: [1, 2]\n')),
  template('schema: not JSON', '', { 'values.schema.json': '{' }),
  template('Chart.yaml without a name', '', chartFile('apiVersion: v2\nversion: 1.0.0\n')), template('Chart.yaml without a version', '', chartFile('apiVersion: v2\nname: c\n')), template('Chart.yaml with a bad version', '', chartFile('apiVersion: v2\nname: c\nversion: one\n')),
  template('Chart.yaml without apiVersion', '', chartFile('name: c\nversion: 1.0.0\n')), template('Chart.yaml of another version', '', chartFile('apiVersion: v9\nname: c\nversion: 1.0.0\n')), template('Chart.yaml that is no YAML', '', chartFile('a: [\n')),
  template('library chart', '', chartFile('apiVersion: v2\nname: c\nversion: 1.0.0\ntype: library\n')), template('chart of an unknown type', '', chartFile('apiVersion: v2\nname: c\nversion: 1.0.0\ntype: other\n')), template('too new for this cluster', '', chartFile('apiVersion: v2\nname: c\nversion: 1.0.0\nkubeVersion: ">=9.0.0"\n')),
  template('missing dependency', '', chartFile('apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: d, version: 1.x, repository: "https://example.com"}]\n')),
  template('values that are a list', '', values('- a\n')), template('values that are no YAML', '', values('a: [1,\nb: 2\n')),
  template('subchart values of another type', '', { 'charts/sub/Chart.yaml': 'apiVersion: v2\nname: sub\nversion: 1.0.0\n', ...values('sub: text\n') }),
]
