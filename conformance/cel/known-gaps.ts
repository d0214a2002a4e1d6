/** Cases that fail, and why they are left. */
export const knownGaps: Readonly<Record<string, string>> = {}
