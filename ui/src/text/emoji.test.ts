import { expect, it } from "vitest";
import { begunAt, completions, shortcodes } from "./emoji";

const begun = (text: string) => begunAt(text, text.length)?.name;

it("a name begins with a colon at the beginning of a word, and with two letters", () => {
  expect(begun(":sm")).toBe("sm");
  expect(begun("well :smile_c")).toBe("smile_c");
  expect(begun("line\n:+1")).toBe("+1");
  expect(begun("(:heart")).toBe("heart");
  for (const none of [":", ":p", "at 10:30", "http://ab", "a:smile", ":smile ", ":sm ile", "::smile"])
    expect(begun(none), none).toBeUndefined();
});

it("is looked for before the caret alone, and knows when it is closed", () => {
  expect(begunAt("a :smi and more", 6)).toEqual({ from: 2, name: "smi", closed: false });
  expect(begunAt("a :smile: ", 9)).toEqual({ from: 2, name: "smile", closed: true });
  expect(begunAt("a :smile: ", 10)).toBeNull();
});

it("those that begin with it come first, each emoji once", async () => {
  const all = await shortcodes();
  const codes = (begun: string) => completions(all, begun).map(({ code }) => code);
  expect(codes("heart")[0]).toBe("heart");
  expect(codes("thumbs")).toContain("thumbsup");
  expect(codes("+1")).toEqual(["+1"]);
  expect(codes("HEART")[0]).toBe("heart");
  expect(codes("cat").length).toBe(6);
  expect(codes("nothing_is_called_that")).toEqual([]);
  const many = completions(all, "ar").map(({ unicode }) => unicode);
  expect(new Set(many).size).toBe(many.length);
});
