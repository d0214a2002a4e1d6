import { formatYaml, parseYaml, type Json, type JsonObject } from '@idp/formats'

/** A chart's files and the values given with it. */
export interface Edited { readonly files: Record<string, string | Uint8Array>; values: JsonObject }

/** Changes files and values at random, from a seed, as a person at work on a chart might: for the test that rendering again gives what rendering anew gives. */
export class RandomEditor {
  private state: number
  private readonly removed = new Map<string, string | Uint8Array>()

  constructor(seed: number) {
    this.state = (seed * 2654435761) >>> 0 || 1
  }

  private below(n: number): number {
    this.state ^= this.state << 13
    this.state ^= this.state >>> 17
    this.state ^= this.state << 5
    return Math.floor(((this.state >>> 0) / 2 ** 32) * n)
  }

  private pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)]
  }

  /** Makes one change; answers the paths of the files that are not what they were. */
  edit(edited: Edited): string[] {
    switch (this.below(12)) {
      case 0: case 1: case 2: return this.chartValues(edited)
      case 3: case 4: return this.givenValues(edited)
      case 5: case 6: case 7: return this.template(edited)
      case 8: return this.writer(edited)
      case 9: return this.remove(edited)
      case 10: return this.restore(edited)
      default: return this.other(edited)
    }
  }

  private chartValues({ files }: Edited): string[] {
    const path = this.pick(Object.keys(files).filter((name) => /(?:^|\/)values\.yaml$/.test(name)))
    if (path === undefined) return []
    const values = parseYaml(textOf(files[path] ?? ''), { duplicateKeys: 'last' })
    const table: JsonObject = isTable(values) ? values : {}
    this.change(table)
    files[path] = formatYaml(table)
    return [path]
  }

  private givenValues(edited: Edited): string[] {
    const { files } = edited
    edited.values = structuredClone(edited.values)
    const defaults = parseYaml(textOf(files['values.yaml'] ?? ''), { duplicateKeys: 'last' })
    if (this.below(8) === 0) edited.values = {}
    else if (isTable(defaults) && this.below(2) === 0) {
      // Something the chart knows.
      let from: JsonObject = defaults
      let into = edited.values
      for (let depth = 0; depth < 6; depth++) {
        const key = this.pick(Object.keys(from))
        if (key === undefined) break
        const below = from[key]
        if (isTable(below) && this.below(4) > 0) {
          if (!isTable(into[key])) into[key] = {}
          into = into[key] as JsonObject
          from = below
          continue
        }
        into[key] = this.leaf(below)
        break
      }
    } else this.change(edited.values)
    return []
  }

  /** Changes, adds or takes away something in a tree. */
  private change(root: JsonObject): void {
    let at: JsonObject | Json[] = root
    for (let depth = 0; depth < 8; depth++) {
      const keys: string[] = Object.keys(at)
      const key = this.pick(keys)
      if (key === undefined || this.below(12) === 0) {
        if (this.below(3) === 0) empty(at)
        else if (Array.isArray(at)) at.push(this.leaf(at[0]))
        else at[this.pick(['a', 'enabled', 'name', 'extra', 'global']) ?? 'a'] = this.below(3) === 0 ? { b: 1, c: { d: [1] } } : this.leaf(undefined)
        return
      }
      const below: Json | undefined = (at as JsonObject)[key]
      if (typeof below === 'object' && below !== null && this.below(5) > 0) {
        at = below as JsonObject | Json[]
        continue
      }
      if (!Array.isArray(at) && this.below(10) === 0) delete at[key]
      else (at as JsonObject)[key] = this.leaf(below)
      return
    }
  }

  private leaf(before: Json | undefined): Json {
    if (typeof before === 'boolean') return !before
    if (typeof before === 'number' && this.below(4) > 0) return before + 1 + this.below(3)
    if (typeof before === 'string' && this.below(4) > 0) return `${before}${this.below(10)}`
    return this.pick<Json>(['x', 'y', 7, true, false, null, [], {}, ['one', { two: 2 }], { k: 'v', nested: { deep: 'yes' } }]) ?? null
  }

  private templates({ files }: Edited): string[] {
    return Object.keys(files).filter((name) => /(?:^|\/)templates\//.test(name))
  }

  private template(edited: Edited): string[] {
    const path = this.pick(this.templates(edited))
    if (path === undefined) return []
    const text = textOf(edited.files[path] ?? '')
    const values = parseYaml(textOf(edited.files['values.yaml'] ?? ''), { duplicateKeys: 'last' })
    const key = this.pick(Object.keys(isTable(values) ? values : {}).filter((name) => /^\w+$/.test(name))) ?? 'absent'
    const more = this.pick([
      `# changed ${this.below(1000)}\n`, `{{/* changed */}}`, `\n---\nkind: Seen\napiVersion: v1\nmetadata: {name: seen}\nvalue: {{ .Values.${key} | toJson }}\n`,
      path.endsWith('/config.yaml') ? '' : `\n---\nkind: Sum\napiVersion: v1\nmetadata: {name: sum}\nsum: {{ include (print $.Template.BasePath "/config.yaml") . | sha256sum }}\n`,
      `\n---\nkind: Truth\napiVersion: v1\nmetadata: {name: truth}\nvalue: {{ if .Values.${key} }}yes{{ else }}no{{ end }} {{ and .Values.extra true | kindOf }} {{ empty .Values.b }}\n`,
      `\n---\nkind: All\napiVersion: v1\nmetadata: {name: all}\nsum: {{ .Values | toJson | sha256sum }}\n`, `{{ define "seen" }}{{ .Chart.Version }}{{ end }}`,
      `\n---\nkind: Made\napiVersion: v1\nmetadata: {name: made}\n{{- $d := dict "a" .Values.${key} }}{{- $n := 0 }}{{- $t := toJson .Values.extra }}{{- range $k, $v := .Values }}{{- if kindIs "map" $v }}{{- $n = add $n (len $v) }}{{- $_ := set $d $k (toJson $v | sha256sum) }}{{- end }}{{- end }}\nvalue: {{ toJson $d }}\nn: {{ $n }}\nt: {{ $t | quote }}\n`,
      `{{ define "made" }}{{- $_ := set .d "seen" .Values.${key} }}{{ toJson .Values.extra }}{{ if .Values.b }}{{ toJson .Values.${key} }}{{ end }}{{ $.Template.Name }}{{ end }}\n---\nkind: Called\napiVersion: v1\nmetadata: {name: called}\n{{- $d := dict "x" 1 }}\nvalue: {{ include "made" (dict "Values" .Values "d" $d "Template" .Template) | toJson }}\nagain: {{ include "made" (dict "Values" .Values "d" (dict) "Template" .Template) | toJson }}\nd: {{ toJson $d }}\n`,
      `{{ define "short" }}{{ with .c }}{{ toJson .Values.${key} }}{{ end }}{{ if .w }}{{ $_ := set . "w" "more" }}{{ end }}{{ .n }}{{ end }}\n---\nkind: Short\napiVersion: v1\nmetadata: {name: short}\n{{- $e := dict "c" . "n" "one" "w" .Values.b }}\nvalue: {{ list (include "short" $e) (include "short" $e) (include "short" (dict "c" $ "n" "two")) $e.w | toJson }}\n`,
      `\n---\nkind: Keys\napiVersion: v1\nmetadata: {name: keys}\nkeys: {{ keys .Values | sortAlpha | join "," | quote }}\nhas: {{ hasKey .Values "${key}" }}\nn: {{ len .Files }}\n`,
    ]) ?? ''
    edited.files[path] = this.below(6) === 0 ? more : text + more
    return [path]
  }

  /** A template that changes what others see. */
  private writer(edited: Edited): string[] {
    const path = this.pick(this.templates(edited))
    if (path === undefined) return []
    const text = textOf(edited.files[path] ?? '')
    const more = this.pick([
      `{{- $_ := set .Values "written" ${this.below(3)} }}`, `{{- $_ := set .Values "written" (dict "a" (list 1 .Values.name) "b" ${this.below(3)}) }}`,
      `{{- $_ := set . "mode" (default "none" .Values.written) }}`, `{{- $_ := unset .Values "written" }}`,
      `{{- $_ := mergeOverwrite .Values (dict "written" (dict "c" ${this.below(3)})) }}`,
      `{{- if .Values.${this.pick(['b', 'extra', 'enabled', 'name']) ?? 'b'} }}{{- $_ := set .Values "written" (toJson .Values.b) }}{{- end }}\n---\nkind: After\napiVersion: v1\nmetadata: {name: after}\nvalue: {{ .Values.written | toJson }}\nall: {{ include "seen" . | quote }}\n`,
      `{{- with .Values.written }}{{- if kindIs "map" . }}{{- $_ := set . "later" ${this.below(3)} }}{{- end }}{{- end }}`,
      `\n---\nkind: Written\napiVersion: v1\nmetadata: {name: written}\nvalue: {{ .Values.written | toJson }}\nmode: {{ .mode | toJson }}\n`,
    ]) ?? ''
    edited.files[path] = this.below(2) === 0 ? more + text : text + more
    return [path]
  }

  private remove({ files }: Edited): string[] {
    const path = this.pick(Object.keys(files).filter((name) => !/(?:^|\/)(?:Chart|values)\.yaml$/.test(name) && !name.startsWith('charts/')))
    if (path === undefined) return []
    this.removed.set(path, files[path] ?? '')
    delete files[path]
    return [path]
  }

  private restore({ files }: Edited): string[] {
    const path = this.pick([...this.removed.keys()])
    if (path === undefined) return []
    files[path] = this.removed.get(path) ?? ''
    this.removed.delete(path)
    return [path]
  }

  private other({ files }: Edited): string[] {
    if (this.below(2) === 0) {
      const path = this.pick(Object.keys(files).filter((name) => name.endsWith('Chart.yaml')))
      if (path === undefined) return []
      files[path] = textOf(files[path] ?? '').replace(/^version:.*$/m, `version: 1.${this.below(20)}.0`)
      return [path]
    }
    const path = this.pick(['notes.txt', 'config/new.yaml', ...Object.keys(files).filter((name) => name.startsWith('config/') || name.startsWith('files/'))]) ?? 'notes.txt'
    files[path] = `text: ${this.below(1000)}\n`
    return [path]
  }
}

function empty(container: JsonObject | Json[]): void {
  if (Array.isArray(container)) container.length = 0
  else for (const key of Object.keys(container)) delete container[key]
}

function textOf(content: string | Uint8Array): string {
  return typeof content === 'string' ? content : new TextDecoder().decode(content)
}

function isTable(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
