/** What stands for a person who has no picture: one or two letters on a colour of their own. */

/** The first letters of a name; grapheme clusters, so that no emoji or accent is cut in half. */
export function initials(name: string): string {
  const parts = name.split(" ").filter((part) => part !== "");
  const first = parts[0];
  if (first === undefined) return "?";
  const last = parts.length > 1 ? parts[parts.length - 1] : undefined;
  return (firstLetter(first) + (last === undefined ? "" : firstLetter(last))).toLocaleUpperCase();
}

const clusters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

function firstLetter(word: string): string {
  for (const { segment } of clusters.segment(word)) return segment;
  return "";
}

/** A hue in degrees that stays the same for the same seed (an account id, or a name). */
export function hue(seed: string): number {
  let mixed = 0x811c9dc5;
  for (const letter of seed) mixed = Math.imul(mixed ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  return (mixed >>> 0) % 360;
}
