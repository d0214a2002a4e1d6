const narrow = new Set("iljtfrI.,:;'|!()[]{}/ -*")
const wide = new Set('mwMW@%&')

/** About how wide a line is drawn in a sans-serif font, in pixels; no font is at hand where diagrams are laid out. */
export function textWidth(line: string, size: number): number {
  let units = 0
  for (const sign of line) units += narrow.has(sign) ? 0.38 : wide.has(sign) ? 0.95 : sign >= 'A' && sign <= 'Z' ? 0.7 : 0.61
  return Math.ceil(units * size)
}
