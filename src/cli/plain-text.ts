/**
 * Text from elsewhere, made fit for one line of a job's log: no control or invisible characters, no
 * line ends, and no `##[command]`, which the runner obeys anywhere in a line.
 */
export function oneLine(text: string, longest = 900): string {
  const flat = text
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, " ")
    .replaceAll("##[", "# # [")
    .trim();
  const characters = Array.from(flat);
  return characters.length > longest ? `${characters.slice(0, longest - 1).join("")}…` : flat;
}
