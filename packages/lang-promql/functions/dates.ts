const date = (seconds: number): Date => new Date(seconds * 1000)
const dayMs = 86_400_000

/** Parts of the UTC date of a Unix time in seconds. */
export const dateFunctions: Readonly<Record<string, (seconds: number) => number>> = {
  year: (at) => date(at).getUTCFullYear(),
  month: (at) => date(at).getUTCMonth() + 1,
  day_of_month: (at) => date(at).getUTCDate(),
  day_of_week: (at) => date(at).getUTCDay(),
  day_of_year: (at) => Math.floor((Date.UTC(date(at).getUTCFullYear(), date(at).getUTCMonth(), date(at).getUTCDate()) - Date.UTC(date(at).getUTCFullYear(), 0, 1)) / dayMs) + 1,
  days_in_month: (at) => new Date(Date.UTC(date(at).getUTCFullYear(), date(at).getUTCMonth() + 1, 0)).getUTCDate(),
  hour: (at) => date(at).getUTCHours(),
  minute: (at) => date(at).getUTCMinutes(),
}
