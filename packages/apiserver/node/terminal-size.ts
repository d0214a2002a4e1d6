/** Characters across and down. */
export interface TerminalSize { readonly width: number; readonly height: number }

/** Reads `{"Width":80,"Height":24}`; undefined for anything else: a size that cannot be read changes nothing. */
export function parseTerminalSize(body: Uint8Array): TerminalSize | undefined {
  try {
    const { Width, Height } = JSON.parse(Buffer.from(body).toString()) as { Width?: number; Height?: number }
    return typeof Width === 'number' && typeof Height === 'number' ? { width: Width, height: Height } : undefined
  } catch {
    // Not JSON.
    return undefined
  }
}
