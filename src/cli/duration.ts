const shape = /^([1-9][0-9]{0,6})([smh]?)$/;
const secondsPer: Record<string, number> = { "": 1, s: 1, m: 60, h: 3600 };

/** `15m`, `1h`, `900s` or `900` → seconds; null for anything else. */
export function parseDuration(text: string): number | null {
  const [, amount, unit] = shape.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return null;
  return Number(amount) * (secondsPer[unit] ?? Number.NaN);
}
