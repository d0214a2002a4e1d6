import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const css = readFileSync(new URL('console.css', import.meta.url), 'utf8')
const [light = '', dark = ''] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, body]) => body)
const coloursOf = (body: string): Record<string, string> => Object.fromEntries([...body.matchAll(/--([\w]+):\s*(#[0-9a-f]{3,6})\b/g)].map(([, name = '', value = '']) => [name, value]))

/** Relative luminance and contrast as WCAG 2.2 defines them. */
function luminance(colour: string): number {
  const wide = colour.length === 4 ? colour.slice(1).replaceAll(/./g, '$&$&') : colour.slice(1)
  const [r = 0, g = 0, b = 0] = [0, 2, 4].map((at) => Number.parseInt(wide.slice(at, at + 2), 16) / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
const contrast = (a: string, b: string): number => { const [low = 0, high = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y); return (high + 0.05) / (low + 0.05) }

const theme = { light: coloursOf(light), dark: { ...coloursOf(light), ...coloursOf(dark) } }
for (const [name, colours] of Object.entries(theme)) {
  test(`${name}: words have a contrast of 4.5 to what they stand on, marks of 3`, () => {
    const words = ['ink', 'dim', 'faint', 'good', 'warn', 'bad'].flatMap((word) => ['bg', 'panel'].map((ground) => [word, ground] as const)).concat([['dim', 'group'], ['dim', 'group2'], ['dim', 'group3']])
    const marks = ['dotgood', 'dotbad', 'flow', 'focus'].flatMap((mark) => ['bg', 'panel'].map((ground) => [mark, ground] as const))
    const low = [...words.map((pair) => [pair, 4.5] as const), ...marks.map((pair) => [pair, 3] as const)].map(([[a, b], least]) => ({ pair: `${a} on ${b}`, least, ratio: Math.round(contrast(colours[a] ?? '#000', colours[b] ?? '#000') * 100) / 100 })).filter(({ ratio, least }) => ratio < least)
    assert.deepEqual(low, [])
  })
}
