/**
 * The names of emoji. The data are files of their own that only those fetch who look for one.
 */

/** What we use of the data. */
export interface Emoji {
  unicode: string;
  label: string;
  hexcode: string;
  tags?: string[];
  group?: number;
}

/** An emoji and what is typed between two colons for it. */
export interface Named {
  code: string;
  unicode: string;
}

/** Every emoji, in the order in which they are usually shown. */
export async function allEmoji(): Promise<Emoji[]> {
  return (await import("emojibase-data/en/compact.json")).default as unknown as Emoji[];
}

let named: Promise<Named[]> | null = null;

/** Every name, once; in the usual order of the emoji. */
export function shortcodes(): Promise<Named[]> {
  // A list that could not be fetched is asked for again.
  return (named ??= readShortcodes().catch((thrown: unknown) => {
    named = null;
    throw thrown;
  }));
}

async function readShortcodes(): Promise<Named[]> {
  const [all, names] = await Promise.all([allEmoji(), import("emojibase-data/en/shortcodes/github.json")]);
  const codes = names.default as Record<string, string | string[]>;
  return all.flatMap(({ hexcode, unicode }) => [codes[hexcode] ?? []].flat().map((code) => ({ code, unicode })));
}

/** Completions shown at once. */
const MOST = 6;

/** What a half-written name may become: first those that begin with it, the shorter before the longer. */
export function completions(all: readonly Named[], begun: string): Named[] {
  const wanted = begun.toLowerCase();
  const rank = ({ code }: Named) => {
    const at = code.indexOf(wanted);
    return at < 0 ? -1 : at === 0 ? 0 : code[at - 1] === "_" ? 1 : 2;
  };
  const seen = new Set<string>();
  return all
    .map((one, order) => ({ one, order, rank: rank(one) }))
    .filter((found) => found.rank >= 0)
    .sort((a, b) => a.rank - b.rank || a.one.code.length - b.one.code.length || a.order - b.order)
    .map(({ one }) => one)
    .filter(({ unicode }) => !seen.has(unicode) && seen.add(unicode))
    .slice(0, MOST);
}

/** A name that is being written, before the place where the next letter goes. */
export interface Begun {
  /** Where its colon stands. */
  from: number;
  name: string;
  /** The second colon is there. */
  closed: boolean;
}

/** Letters before a list is worth showing: ":p" and ":3" are faces of their own. */
const BEGUN = /(?:^|[\s(])(:([\p{L}\d_+-]{2,40})(:?))$/u;

/** The name that ends at `caret`, if one does. A colon within a word or a time begins none. */
export function begunAt(text: string, caret: number): Begun | null {
  const found = BEGUN.exec(text.slice(Math.max(0, caret - 48), caret));
  const [, whole, name, colon] = found ?? [];
  if (whole === undefined || name === undefined) return null;
  return { from: caret - whole.length, name, closed: colon === ":" };
}
