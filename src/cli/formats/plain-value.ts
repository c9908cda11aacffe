/**
 * A value that no shell splits, expands or interprets, quoted or not. Credentials are checked more
 * strictly before; this holds for a format whatever it is given (C-01).
 */
export function plainValue(value: string): string {
  if (!/^[A-Za-z0-9/+=_.,:@-]+$/.test(value)) throw new Error("a value is not plain");
  return value;
}

export function plainName(name: string): string {
  if (!/^[A-Z_][A-Z0-9_]*$/.test(name)) throw new Error("a name is not plain");
  return name;
}
