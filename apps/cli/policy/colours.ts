/** Colours a result word (`Pass`, `Fail`, …) and names, or leaves them as they are. */
export interface Colours { result(word: string): string; name(text: string): string }

const codes: Readonly<Record<string, number>> = { pass: 32, fail: 31, error: 31, warn: 33, skip: 36 }

export function colours(on: boolean): Colours {
  const paint = (code: number, text: string): string => (on ? `\u001b[1;${code}m${text}\u001b[0m` : text)
  return { result: (word) => paint(codes[word.toLowerCase()] ?? 0, word), name: (text) => paint(36, text) }
}
