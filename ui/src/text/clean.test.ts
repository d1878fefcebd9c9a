import { describe, expect, it } from "vitest";
import { cleanLine, cleanName, cleanText } from "./clean";

/** Everything that could dress a text up as another: controls, direction marks, what has no shape. */
const HARMFUL: readonly [number, number][] = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x061c, 0x061c],
  [0x200b, 0x200b],
  [0x200e, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
];
const harmful = HARMFUL.flatMap(([from, to]) =>
  Array.from({ length: to - from + 1 }, (_, n) => String.fromCodePoint(from + n)),
);

describe("text from outside", () => {
  it("keeps none of the harmful characters, wherever they stand", () => {
    for (const one of harmful) {
      for (const text of [one, `${one}a`, `a${one}`, `a${one}${one}b`]) {
        expect(cleanText(text).includes(one), one.codePointAt(0)?.toString(16)).toBe(false);
        expect(cleanName(text, "x").includes(one), one.codePointAt(0)?.toString(16)).toBe(false);
      }
    }
  });

  it("is the same when it is cleaned twice", () => {
    for (const text of ["a\u202eb\r\nc", harmful.join("a"), `a${"\u0301".repeat(40)}`, "  \u0085 \t x "]) {
      expect(cleanText(cleanText(text))).toBe(cleanText(text));
      expect(cleanName(cleanName(text, "?"), "?")).toBe(cleanName(text, "?"));
    }
  });

  it("keeps every letter that people write", () => {
    for (const text of [
      "žluťoučký kůň",
      "陳美玲",
      "مرحبا يا ليلى",
      "👩‍🚀🏴󠁧󠁢󠁳󠁣󠁴󠁿",
      "क्षत्रिय",
      "می‌خواهم",
      "a\tb\nc",
      "e\u0301",
    ]) {
      expect(cleanText(text)).toBe(text);
    }
  });

  it("shows that a control character was there, and breaks lines alike for every system", () => {
    expect(cleanText("ring\u0007\u001b[31m")).toBe("ring\ufffd\ufffd[31m");
    expect(cleanText("a\r\nb\rc\u2028d\u2029e\u0085f")).toBe("a\nb\nc\nd\ne\nf");
  });

  it("lets no pile of marks paint over the lines around", () => {
    expect(cleanText(`Z${"\u0353".repeat(500)}o`)).toBe(`Z${"\u0353".repeat(6)}o`);
  });

  it("is one line where one line is shown", () => {
    expect(cleanLine("  The ferry\n\n is\t\u2028late ")).toBe("The ferry is late");
  });
});

describe("a name", () => {
  it("stands in for one of which nothing is left to see", () => {
    for (const name of ["", "   ", "\n\t", "\u202e\u200b\ufeff", "\u2066 \u2069"])
      expect(cleanName(name, "Somebody new")).toBe("Somebody new");
  });

  it("is cut between characters, not inside one", () => {
    expect(cleanName("😌".repeat(80), "")).toBe("😌".repeat(64));
    expect(cleanName(`${"a".repeat(63)} b`, "")).toBe("a".repeat(63));
  });

  it("can't look as if it ended otherwise", () => {
    expect(cleanName("Eve\u202egnp.exe\u0007", "")).toBe("Evegnp.exe\ufffd");
  });
});
