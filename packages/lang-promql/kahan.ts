/** A sum that carries what rounding lost along (Kahan, with Neumaier's change). */
export interface Sum { total: number; lost: number }

export function addTo(sum: Sum, value: number): void {
  const next = sum.total + value
  if (Math.abs(next) === Infinity) sum.lost = 0
  else if (Math.abs(sum.total) >= Math.abs(value)) sum.lost += sum.total - next + value
  else sum.lost += value - next + sum.total
  sum.total = next
}

export const sumOf = ({ total, lost }: Sum): number => total + lost

/** A mean that stays finite where the sum of large values would not. */
export function mean(values: (index: number) => number, count: number): number {
  const sum: Sum = { total: 0, lost: 0 }
  for (let i = 0; i < count; i++) {
    const value = values(i)
    addTo(sum, value)
    if (!Number.isFinite(sum.total) && Number.isFinite(value) && i > 0) return incrementalMean(values, count)
  }
  return sumOf(sum) / count
}

function incrementalMean(values: (index: number) => number, count: number): number {
  const average: Sum = { total: 0, lost: 0 }
  for (let i = 0; i < count; i++) {
    const value = values(i)
    const now = sumOf(average)
    if (Math.abs(now) === Infinity && (value === now || Number.isFinite(value))) continue
    addTo(average, value / (i + 1))
    addTo(average, -(now / (i + 1)))
  }
  return sumOf(average)
}
