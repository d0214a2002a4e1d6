/**
 * Does `count` things in batches of 1, 2, 4 …, so that what fails for all fails once. Resolves to how many succeeded; after a batch with a failure
 * nothing more is tried and the first error is returned.
 */
export async function slowStart(count: number, one: (index: number) => Promise<unknown>): Promise<{ readonly done: number; readonly error: unknown }> {
  let done = 0
  for (let start = 0, size = 1; start < count; start += size, size *= 2) {
    const batch = Array.from({ length: Math.min(size, count - start) }, (_, i) => one(start + i))
    const results = await Promise.allSettled(batch)
    const failed = results.find((result) => result.status === 'rejected')
    done += results.filter((result) => result.status === 'fulfilled').length
    if (failed !== undefined) return { done, error: failed.reason }
  }
  return { done, error: undefined }
}
