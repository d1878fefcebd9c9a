import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ConversationView } from "@contract";
import { Refusal } from "../host";
import { refused, StoryHost } from "../testing/story_host";
import { words } from "../words";
import { LONGEST, type Composer } from "./composer.svelte";
import { Profile } from "./profile.svelte";

let host: StoryHost;
let profile: Profile;
let bob: ConversationView;

beforeEach(() => {
  vi.useFakeTimers();
  host = new StoryHost();
  profile = new Profile(host, "alice");
  bob = host.person(2, "Bob");
});
afterEach(() => void vi.useRealTimers());

const settled = () => vi.advanceTimersByTimeAsync(1);
const drafts = () => host.calls("set_draft").map(({ text }) => text);
const sent = () => host.calls("send_text").map(({ text }) => text);
const lost = () => new Refusal({ code: "host_lost", ...words.problems.hostLost });

async function composer(): Promise<Composer> {
  await profile.load();
  profile.show(bob.conversation);
  await settled();
  if (profile.open === null) throw new Error("no conversation is open");
  return profile.open.composer;
}

/** A send whose end the test decides. */
function held(): { carryOut: (more?: "lost") => void; refuse: (why: Refusal) => void } {
  const end: { carryOut?: (more?: "lost") => void; refuse?: (why: Refusal) => void } = {};
  host.instead.set("send_text", ({ text }) => {
    host.instead.delete("send_text");
    return new Promise((resolve, reject) => {
      end.carryOut = (more) => {
        const message = host.says(bob, "me", String(text), { sent: Date.now() });
        if (more === "lost") reject(lost());
        else resolve({ done: "message", message: message.message });
      };
      end.refuse = reject;
    });
  });
  return { carryOut: (more) => end.carryOut?.(more), refuse: (why) => end.refuse?.(why) };
}

describe("sending", () => {
  it("frees the field at once and sends what stood there", async () => {
    const field = await composer();
    const end = held();
    field.text = "  Hello Bob ";
    void field.send();
    expect(field.text).toBe("");
    field.text = "next";
    end.carryOut();
    await settled();
    expect(sent()).toEqual(["  Hello Bob "]);
    expect(field.text).toBe("next");
  });

  it("sends nothing where there is nothing", async () => {
    const field = await composer();
    for (const text of ["", "  ", "\n\t\n"]) {
      field.text = text;
      await field.send();
    }
    expect(sent()).toEqual([]);
  });

  it("what is refused comes back before what was typed meanwhile, with the reason", async () => {
    const field = await composer();
    const end = held();
    field.text = "Hello Bob";
    const sending = field.send();
    field.text = "and more";
    end.refuse(refused("conversation_halted"));
    await sending;
    expect(field.text).toBe("Hello Bob\nand more");
    expect(field.problem?.code).toBe("conversation_halted");
    await settled();
    expect(drafts().at(-1)).toBe("Hello Bob\nand more");
    field.text = "Hello Bob, again";
    expect(field.problem).toBeNull();
  });
});

describe("length", () => {
  it.each([
    ["a", LONGEST],
    ["ž", LONGEST / 2],
    ["陳", Math.floor(LONGEST / 3)],
    ["😌", LONGEST / 4],
  ])("%s fits %i times, and one letter more does not", async (letter, times) => {
    const field = await composer();
    field.text = letter.repeat(times);
    expect([field.tooLong, field.canSend]).toEqual([false, true]);
    field.text = letter.repeat(times + 1);
    expect([field.tooLong, field.canSend]).toEqual([true, false]);
    await field.send();
    expect(sent()).toEqual([]);
    expect(field.text).toBe(letter.repeat(times + 1));
  });

  it("what no draft can hold is not given to the engine, and stays", async () => {
    const field = await composer();
    field.text = "x".repeat(LONGEST + 1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(drafts()).toEqual([]);
    host.tell({ event: "conversation_changed", conversation: { ...bob, draft: "" } });
    field.follow("from another tab");
    expect(field.text).toHaveLength(LONGEST + 1);
  });
});

describe("drafts", () => {
  it("are kept after a pause, not at every letter", async () => {
    const field = await composer();
    for (const text of ["H", "He", "Hel"]) {
      field.text = text;
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(drafts()).toEqual([]);
    await vi.advanceTimersByTimeAsync(400);
    expect(drafts()).toEqual(["Hel"]);
  });

  it("are kept at once when the conversation is left", async () => {
    const field = await composer();
    field.text = "half a sent";
    profile.show(null);
    expect(drafts()).toEqual(["half a sent"]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(drafts()).toEqual(["half a sent"]);
  });

  it("of another tab are followed, unless somebody writes here", async () => {
    const field = await composer();
    field.follow("from the other tab");
    expect(field.text).toBe("from the other tab");
    field.text = "mine";
    field.follow("theirs");
    expect(field.text).toBe("mine");
  });

  it("a sent text is no draft any more, even if the pause ends later", async () => {
    const field = await composer();
    field.text = "Hello";
    await field.send();
    await vi.advanceTimersByTimeAsync(1000);
    expect(drafts()).toEqual([]);
  });

  it("what was written while the host was gone is not replaced by the older draft", async () => {
    bob.draft = "half";
    const field = await composer();
    host.link("lost");
    host.instead.set("set_draft", () => Promise.reject(lost()));
    field.text = "half a sentence, and the rest";
    await vi.advanceTimersByTimeAsync(1000);
    expect(field.problem).toBeNull();
    host.instead.clear();
    host.link("standing");
    field.follow("half");
    expect(field.text).toBe("half a sentence, and the rest");
    field.keep();
    expect(drafts().at(-1)).toBe("half a sentence, and the rest");
  });
});

describe("over other conversations", () => {
  it("a text that no draft can hold is there when the person comes back", async () => {
    const field = await composer();
    const novel = "a".repeat(LONGEST + 1);
    field.text = novel;
    profile.show(host.person(3, "Carol").conversation);
    profile.show(bob.conversation);
    expect(profile.open?.composer.text).toBe(novel);
    profile.open!.composer.text = "shorter";
    await vi.advanceTimersByTimeAsync(1000);
    expect(drafts()).toEqual(["shorter"]);
    expect(profile.unkept.size).toBe(0);
  });

  it("so is one that could not be handed over, and it is handed over then", async () => {
    const field = await composer();
    host.instead.set("set_draft", () => Promise.reject(lost()));
    field.text = "half a sentence";
    profile.show(host.person(3, "Carol").conversation);
    await settled();
    host.instead.delete("set_draft");
    profile.show(bob.conversation);
    expect(profile.open?.composer.text).toBe("half a sentence");
    await vi.advanceTimersByTimeAsync(1000);
    expect(drafts()).toEqual(["half a sentence", "half a sentence"]);
    expect(profile.unkept.size).toBe(0);
  });

  it("an older draft that is told late replaces nothing", async () => {
    const field = await composer();
    const waiting: (() => void)[] = [];
    host.instead.set("set_draft", () => new Promise<void>((resolve) => waiting.push(resolve)));
    field.text = "one";
    field.keep();
    field.text = "one two";
    field.keep();
    field.follow("one");
    expect(field.text).toBe("one two");
    for (const resolve of waiting) resolve();
    await settled();
    field.follow("from another tab");
    expect(field.text).toBe("from another tab");
  });
});

describe("the host is lost in the middle of a send", () => {
  it("a text that had been taken is found, and not offered a second time", async () => {
    const field = await composer();
    const end = held();
    field.text = "Did this go?";
    const sending = field.send();
    host.link("lost");
    end.carryOut("lost");
    await settled();
    expect(field.text).toBe("Did this go?");
    expect(field.problem?.code).toBe("host_lost");
    expect(field.canSend).toBe(false);
    field.text = "Did this go?\nNext";
    host.link("standing");
    await sending;
    expect(field.text).toBe("Next");
    expect(field.problem).toBeNull();
    expect(field.canSend).toBe(true);
    expect(sent()).toEqual(["Did this go?"]);
  });

  it("a text that had not been taken stays, with the reason, and can be sent again", async () => {
    const field = await composer();
    const end = held();
    field.text = "Did this go?";
    const sending = field.send();
    host.link("lost");
    end.refuse(lost());
    await settled();
    host.link("standing");
    await sending;
    expect(field.text).toBe("Did this go?");
    expect(field.problem?.code).toBe("host_lost");
    await field.send();
    expect(field.text).toBe("");
    expect(host.messages.get(bob.conversation)).toHaveLength(1);
  });

  it("the host comes back and goes again: the text stays until it is known", async () => {
    const field = await composer();
    const end = held();
    field.text = "Did this go?";
    const sending = field.send();
    host.link("lost");
    end.carryOut("lost");
    await settled();
    host.instead.set("messages", () => Promise.reject(lost()));
    host.link("standing");
    await settled();
    expect(field.text).toBe("Did this go?");
    host.link("lost");
    host.instead.delete("messages");
    host.link("standing");
    await sending;
    expect(field.text).toBe("");
  });

  it("an equal text from long before is not mistaken for it", async () => {
    host.says(bob, "me", "ok", { sent: Date.now() - 60_000 });
    const field = await composer();
    const end = held();
    field.text = "ok";
    const sending = field.send();
    host.link("lost");
    end.refuse(lost());
    await settled();
    host.link("standing");
    await sending;
    expect(field.text).toBe("ok");
  });
});

describe("typing", () => {
  it("is told at the first letter, not at each, and taken back after a silence", async () => {
    const field = await composer();
    const told = () => host.calls("typing").map(({ typing }) => typing);
    for (let n = 1; n <= 20; n += 1) {
      field.text = "x".repeat(n);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(told()).toEqual([true]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(told()).toEqual([true, false]);
  });
});
