/**
 * Makes text from outside harmless for a screen. Direction marks could otherwise dress up a name as
 * somebody else's or turn a sentence around, and control characters hide things. The same rule as
 * the terminal's, so that a text looks alike wherever it is read.
 */

/** Characters without a shape of their own that change how the text around them looks. Joiners stay:
 * emoji and several scripts need them, and tag characters too, which flags are made of. */
const INVISIBLE =
  // eslint-disable-next-line no-misleading-character-class
  /[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/** Control characters but tab and line feed. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/gu;

const BREAKS = /\r\n?|[\u000b\u000c\u0085\u2028\u2029]/gu;

/** More marks than any script puts on one letter would paint over the lines around. */
const MARKS = /(\p{M}{6})\p{M}+/gu;

const REPLACEMENT = "\ufffd";

/** A message: lines stay. */
export function cleanText(text: string): string {
  return text.replace(BREAKS, "\n").replace(INVISIBLE, "").replace(CONTROL, REPLACEMENT).replace(MARKS, "$1");
}

/** One line, for lists and titles. */
export function cleanLine(text: string): string {
  return cleanText(text).replace(/\s+/gu, " ").trim();
}

/** A name: one line of at most 64 characters; `fallback` if nothing is left to see. */
export function cleanName(text: string, fallback: string): string {
  const name = [...cleanLine(text)].slice(0, 64).join("").trim();
  return name === "" ? fallback : name;
}
