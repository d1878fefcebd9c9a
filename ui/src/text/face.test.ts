import { expect, it } from "vitest";
import { hue, initials } from "./face";

it.each([
  ["Alice", "A"],
  ["bob de la cruz", "BC"],
  ["", "?"],
  ["   ", "?"],
  ["👩‍🚀 Nadia", "👩‍🚀N"],
  ["e\u0301mile zola", "E\u0301Z"],
  ["陳 美玲", "陳美"],
  ["مريم", "م"],
])("%s is drawn as %s", (name, letters) => expect(initials(name)).toBe(letters));

it("gives everybody a colour that stays and is theirs", () => {
  const seeds = Array.from({ length: 200 }, (_, n) => n.toString(16).padStart(32, "0"));
  for (const seed of [...seeds, "", "😌"]) {
    expect(hue(seed)).toBe(hue(seed));
    expect(hue(seed)).toBeGreaterThanOrEqual(0);
    expect(hue(seed)).toBeLessThan(360);
  }
  expect(new Set(seeds.map(hue)).size).toBeGreaterThan(100);
});
