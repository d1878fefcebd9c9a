/**
 * The colours are computed as a browser does it, for every accent in both themes and in high
 * contrast: axe sees only what happens to be on a screen.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ACCENTS } from "../model/settings.svelte";

type Triple = [number, number, number];
const css = readFileSync("src/look/tokens.css", "utf8");

/** The declarations of every rule with this selector, the later before the earlier. */
function declared(selector: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, names, body] of css.matchAll(/([^{}/]+?)\s*\{([^{}]*)\}/g)) {
    if (names?.trim() !== selector) continue;
    for (const [, name, value] of (body ?? "").matchAll(/--([\w-]+):\s*([^;]+);/g))
      if (name !== undefined && value !== undefined) found.set(name, value.replace(/\s+/g, " "));
  }
  return found;
}

/** Lightness, chroma and hue of a token. */
function token(tokens: Map<string, string>, name: string, dark: boolean): Triple {
  let value = tokens.get(name) ?? "";
  const pair = /^light-dark\((.*)\)$/.exec(value.trim())?.[1];
  if (pair !== undefined) {
    let depth = 0;
    const comma = [...pair].findIndex((letter) => {
      depth += letter === "(" ? 1 : letter === ")" ? -1 : 0;
      return letter === "," && depth === 0;
    });
    value = dark ? pair.slice(comma + 1) : pair.slice(0, comma);
  }
  value = value.replace(/var\(--([\w-]+)\)/g, (_, other: string) => tokens.get(other) ?? "");
  value = value.replace(/calc\(([\d.]+) \* ([\d.]+)\)/g, (_, a: string, b: string) => String(Number(a) * Number(b)));
  const numbers = /oklch\(\s*([\d.]+)% ([\d.]+) ([\d.]+)\s*\)/.exec(value);
  if (numbers === null) throw new Error(`${name} is no colour: ${value}`);
  return [Number(numbers[1]) / 100, Number(numbers[2]), Number(numbers[3])];
}

/** Relative luminance (WCAG 2.2) of an oklch colour, what no screen shows cut off. */
function luminance([lightness, chroma, hue]: Triple): number {
  const [a, b] = [chroma * Math.cos((hue * Math.PI) / 180), chroma * Math.sin((hue * Math.PI) / 180)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const cut = (value: number) => Math.min(1, Math.max(0, value));
  return (
    0.2126 * cut(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s) +
    0.7152 * cut(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s) +
    0.0722 * cut(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s)
  );
}

function contrast(one: Triple, other: Triple): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** What is read on what. */
const TEXTS: [string, string][] = [
  ...["paper", "side", "raised", "theirs", "select", "hover"].flatMap((ground): [string, string][] => [
    ["ink", ground],
    ["quiet", ground],
  ]),
  ...["paper", "side", "raised", "hover"].map((ground): [string, string] => ["accent", ground]),
  ...["verified", "caution", "broken"].map((word): [string, string] => [word, "paper"]),
  ["broken", "select"],
  ["accent", "select"],
  ["on-accent", "accent"],
  ["on-mine", "mine"],
];
/** Edges of controls, and the focus. */
const EDGES: [string, string][] = ["paper", "side", "raised"].flatMap((ground): [string, string][] => [
  ["edge", ground],
  ["focus", ground],
]);

describe.each(ACCENTS)("%s", (accent) => {
  it.each([
    ["light", false, false],
    ["dark", true, false],
    ["light, high contrast", false, true],
    ["dark, high contrast", true, true],
  ])("%s", (_, dark, more) => {
    const chosen = declared(`[data-accent="${accent}"]`);
    expect(chosen.size).toBe(2);
    const tokens = new Map([...declared(":root"), ...chosen, ...(more ? declared(':root[data-contrast="more"]') : [])]);
    const ratio = ([text, ground]: [string, string]) =>
      contrast(token(tokens, text, dark), token(tokens, ground, dark));
    const low = (least: number) => (pair: [string, string]) =>
      ratio(pair) < least ? [`${pair.join(" on ")} ${ratio(pair).toFixed(2)} < ${least}`] : [];
    expect([...TEXTS.flatMap(low(more ? 7 : 4.5)), ...EDGES.flatMap(low(more ? 4.5 : 3))]).toEqual([]);
  });
});
