/**
 * A name that somebody else chose, fit to be read: what would be invisible, or turn the line round, is
 * spelt out, and what goes on for ever is cut, with a mark (H-22).
 */
export function plain(text: string, longest = 200): string {
  const characters = Array.from(text);
  const shown = characters.length > longest ? characters.slice(0, longest) : characters;
  const spelt = shown.map((character) =>
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u.test(character)
      ? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
      : character,
  );
  return spelt.join("") + (shown === characters ? "" : `… (${characters.length} characters)`);
}
