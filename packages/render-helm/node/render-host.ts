import { gunzipSync } from 'node:zlib'
import { nodeSprigHost } from '@idp/lang-gotemplate'
import type { RenderHost } from '../host.ts'

/** What Node gives to rendering. */
export const nodeRenderHost: RenderHost = {
  ...nodeSprigHost,
  gunzip(bytes, most) {
    try {
      return gunzipSync(bytes, { maxOutputLength: Math.max(1, most) })
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') return undefined
      throw error
    }
  },
}
