import { beforeEach, describe, expect, it } from "vitest";
import type { ConversationView, MessageView } from "@contract";
import { ID, refused, StoryHost } from "../testing/story_host";
import { KEPT, type Log } from "./log.svelte";
import { Profile } from "./profile.svelte";

let host: StoryHost;
let profile: Profile;
let bob: ConversationView;

beforeEach(() => {
  host = new StoryHost();
  profile = new Profile(host, "alice");
  bob = host.person(2, "Bob");
});

/** Everything that was asked has been answered. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

async function opened(): Promise<Log> {
  await profile.load();
  profile.show(bob.conversation);
  await settled();
  if (profile.open === null) throw new Error("no conversation is open");
  return profile.open;
}

const texts = (log: Log) => log.messages.map(({ body }) => (body.kind === "text" ? body.text : body.kind));
const ordered = (log: Log) =>
  log.messages.every(({ order }, at) => at === 0 || order > (log.messages[at - 1]?.order ?? 0));
const once = (log: Log) => new Set(log.messages.map(({ message }) => message)).size === log.messages.length;

function many(count: number): void {
  for (let n = 1; n <= count; n += 1) host.says(bob, n % 2 === 0 ? "me" : "them", `No. ${n}`);
}

describe("order", () => {
  it("a queued message moves when it gets its place, and stands there once", async () => {
    host.says(bob, "them", "Hello");
    const queued = host.says(bob, "me", "I wait", { delivery: "queued", order: 9000 });
    const log = await opened();
    const later = host.says(bob, "them", "Came meanwhile", { order: 1500 });
    host.tell({ event: "message_added", message: later });
    expect(texts(log)).toEqual(["Hello", "Came meanwhile", "I wait"]);
    host.tell({ event: "message_changed", message: { ...queued, order: 1400, delivery: "stored" } });
    expect(texts(log)).toEqual(["Hello", "I wait", "Came meanwhile"]);
    host.tell({ event: "message_changed", message: { ...queued, order: 1600, delivery: "stored" } });
    expect(texts(log)).toEqual(["Hello", "Came meanwhile", "I wait"]);
    expect(once(log)).toBe(true);
  });

  it("the same message twice, and in any order, ends up as one run", async () => {
    const log = await opened();
    const all = [5, 1, 4, 4, 2, 3, 1].map((order): MessageView => ({
      message: ID(order),
      conversation: bob.conversation,
      order,
      author: "them",
      sent: order,
      body: { kind: "text", text: String(order) },
      delivery: "received",
    }));
    for (const message of all) host.tell({ event: "message_added", message });
    expect(texts(log)).toEqual(["1", "2", "3", "4", "5"]);
  });

  it("nothing of another conversation is taken", async () => {
    const log = await opened();
    const carol = host.person(3, "Carol");
    host.tell({ event: "message_added", message: host.says(carol, "them", "for another screen") });
    expect(texts(log)).toEqual([]);
  });

  it("what goes on in another conversation leaves this one, and stands in that one", async () => {
    const carol = host.person(3, "Carol");
    const kept = host.says(bob, "me", "sent", { delivery: "stored" });
    const waits = host.says(bob, "me", "not sent", { delivery: "queued", order: 9000 });
    const log = await opened();
    expect(texts(log)).toEqual(["sent", "not sent"]);
    host.tell({ event: "message_changed", message: { ...waits, conversation: carol.conversation } });
    expect(texts(log)).toEqual(["sent"]);
    profile.show(carol.conversation);
    await settled();
    host.tell({ event: "message_changed", message: { ...waits, conversation: carol.conversation } });
    expect(texts(profile.open ?? log)).toEqual(["not sent"]);
    expect(kept.conversation).toBe(bob.conversation);
  });
});

describe("marks", () => {
  it("go up to the orders they name, and never back", async () => {
    const first = host.says(bob, "me", "one", { delivery: "stored" });
    const second = host.says(bob, "me", "two", { delivery: "stored" });
    host.says(bob, "them", "theirs");
    host.says(bob, "me", "waits", { delivery: "queued" });
    const log = await opened();
    const marks = (delivered: number, read: number) =>
      host.tell({ event: "marks", conversation: bob.conversation, delivered, read });
    const deliveries = () => log.messages.map(({ delivery }) => delivery);
    marks(first.order, 0);
    expect(deliveries()).toEqual(["delivered", "stored", "received", "queued"]);
    marks(99_999, first.order);
    expect(deliveries()).toEqual(["read", "delivered", "received", "queued"]);
    marks(second.order, 0);
    expect(deliveries()).toEqual(["read", "delivered", "received", "queued"]);
    marks(99_999, 99_999);
    expect(deliveries()).toEqual(["read", "read", "received", "queued"]);
  });

  it("reach the last line of the list too", async () => {
    host.says(bob, "me", "one", { delivery: "stored" });
    await opened();
    host.tell({ event: "marks", conversation: bob.conversation, delivered: 99_999, read: 0 });
    expect(profile.conversations.get(bob.conversation)?.last?.delivery).toBe("delivered");
  });
});

describe("pages", () => {
  it("older ones are put before, once each, however often they are asked for", async () => {
    many(200);
    const log = await opened();
    expect(log.messages).toHaveLength(60);
    expect(log.more).toBe(true);
    await Promise.all([log.older(), log.older(), log.older()]);
    expect(log.messages).toHaveLength(140);
    await log.older();
    await log.older();
    expect(log.messages).toHaveLength(200);
    expect(log.more).toBe(false);
    expect(ordered(log) && once(log)).toBe(true);
    expect(host.calls("messages")).toHaveLength(3);
  });

  it("a page that could not be read can be asked for again", async () => {
    many(100);
    const log = await opened();
    host.instead.set("messages", () => Promise.reject(refused("database_busy")));
    await expect(log.older()).rejects.toMatchObject({ code: "database_busy" });
    host.instead.clear();
    await log.older();
    expect(log.messages).toHaveLength(100);
  });

  it("are let go at the newest, and read again when they are wanted", async () => {
    many(1000);
    const log = await opened();
    for (let page = 0; page < 6; page += 1) await log.older();
    log.trim();
    expect(log.messages).toHaveLength(KEPT);
    expect(texts(log).at(-1)).toBe("No. 1000");
    expect(log.more).toBe(true);
    await log.older();
    expect(log.messages.length).toBeGreaterThan(KEPT);
    expect(ordered(log) && once(log)).toBe(true);
  });

  it("to the beginning and back to the end, the run stays bounded and has no hole", async () => {
    many(1000);
    const log = await opened();
    log.atEnd = false;
    const numbers = () => texts(log).map((text) => Number(text.slice(4)));
    const whole = () => numbers().every((number, at) => at === 0 || number === (numbers()[at - 1] ?? 0) + 1);
    for (let page = 0; log.more; page += 1) {
      await log.older();
      expect(log.messages.length <= KEPT && whole(), `page ${page}`).toBe(true);
    }
    expect(texts(log)[0]).toBe("No. 1");
    expect(log.newer).toBe(true);
    for (let page = 0; log.newer; page += 1) {
      await log.younger();
      expect(log.messages.length <= KEPT && whole(), `page ${page}`).toBe(true);
    }
    expect(texts(log).at(-1)).toBe("No. 1000");
    expect(log.more).toBe(true);
  });

  it("the list learns at which end each change is", async () => {
    many(1000);
    const log = await opened();
    log.atEnd = false;
    while (log.messages.length < KEPT - 20) await log.older();
    expect(log.shifting).toBe(true);
    await log.older();
    expect([log.shifting, log.newer, log.messages.length]).toEqual([false, true, KEPT]);
    await log.younger();
    expect([log.shifting, log.more, log.messages.length]).toEqual([true, true, KEPT]);
  });

  it("an event about a message that is not on the screen makes no hole", async () => {
    many(300);
    const log = await opened();
    const old = host.messages.get(bob.conversation)?.[0];
    if (old === undefined) throw new Error("there is none");
    host.tell({ event: "message_changed", message: old });
    expect(log.messages).toHaveLength(60);
  });
});

describe("far from the newest", () => {
  async function farBack(): Promise<Log> {
    many(600);
    const log = await opened();
    log.atEnd = false;
    for (let page = 0; page < 5; page += 1) await log.older();
    expect(log.newer).toBe(true);
    return log;
  }

  it("what arrives makes no hole, and is there on the way back", async () => {
    const log = await farBack();
    const last = texts(log).at(-1);
    host.tell({ event: "message_added", message: host.says(bob, "them", "No. 601") });
    expect(texts(log).at(-1)).toBe(last);
    while (log.newer) await log.younger();
    expect(texts(log).slice(-2)).toEqual(["No. 600", "No. 601"]);
    host.tell({ event: "message_added", message: host.says(bob, "them", "No. 602") });
    expect(texts(log).at(-1)).toBe("No. 602");
    expect(ordered(log) && once(log)).toBe(true);
  });

  it("one's own message leads back to the newest, in a run of its own", async () => {
    const log = await farBack();
    log.composer.text = "Here I am";
    await log.composer.send();
    await settled();
    expect([log.newer, log.run, log.atEnd]).toEqual([false, 1, true]);
    expect(texts(log).slice(-2)).toEqual(["No. 600", "Here I am"]);
    expect(once(log)).toBe(true);
  });

  it("a jump to the newest reads one page", async () => {
    const log = await farBack();
    const before = host.calls("messages").length;
    await log.latest();
    expect(host.calls("messages").length).toBe(before + 1);
    expect(texts(log).at(-1)).toBe("No. 600");
    expect(log.more).toBe(true);
  });

  it("a message that gets its place beyond the run leaves it, and one within it changes", async () => {
    const log = await farBack();
    const here = log.messages[10];
    if (here === undefined) throw new Error("there is none");
    host.tell({ event: "message_changed", message: { ...here, body: { kind: "newer" } } });
    expect(log.messages[10]?.body.kind).toBe("newer");
    host.tell({ event: "message_changed", message: { ...here, order: 99_999 } });
    expect(log.messages).toHaveLength(KEPT - 1);
    expect(ordered(log) && once(log)).toBe(true);
  });

  it("missed events leave the person where they are", async () => {
    const log = await farBack();
    const [first, last] = [texts(log)[0], texts(log).at(-1)];
    const all = host.messages.get(bob.conversation) ?? [];
    host.messages.set(
      bob.conversation,
      all.filter((one) => one.message !== log.messages[5]?.message),
    );
    host.tell({ event: "missed" });
    await settled();
    expect([texts(log)[0], texts(log).at(-1)]).toEqual([first, last]);
    expect(log.messages).toHaveLength(KEPT - 1);
    expect(log.newer).toBe(true);
  });

  it("nothing is told as read", async () => {
    const log = await farBack();
    host.tell({ event: "conversation_changed", conversation: { ...bob, unread: 3 } });
    log.seen();
    expect(host.calls("mark_read")).toEqual([]);
  });

  it("a flood that arrives while somebody reads further up does not grow the run for ever", async () => {
    many(60);
    const log = await opened();
    log.atEnd = false;
    for (let n = 0; n < 3 * KEPT; n += 1)
      host.tell({ event: "message_added", message: host.says(bob, "them", `Flood ${n}`) });
    expect(log.messages.length).toBeLessThanOrEqual(2 * KEPT);
    expect(log.newer).toBe(true);
    expect(ordered(log) && once(log)).toBe(true);
  });
});

describe("missed events", () => {
  it("what came meanwhile is there after reading again, and what went is gone", async () => {
    many(20);
    const log = await opened();
    host.says(bob, "them", "while nobody listened");
    const all = host.messages.get(bob.conversation) ?? [];
    host.messages.set(
      bob.conversation,
      all.filter((_, at) => at !== 10),
    );
    host.tell({ event: "missed" });
    await settled();
    expect(texts(log)).toHaveLength(20);
    expect(texts(log)).not.toContain("No. 11");
    expect(texts(log).at(-1)).toBe("while nobody listened");
    expect(ordered(log) && once(log)).toBe(true);
  });

  it("where more came than a page holds, no hole is shown as a whole", async () => {
    many(20);
    const log = await opened();
    many(500);
    host.tell({ event: "missed" });
    await settled();
    expect(log.messages).toHaveLength(200);
    expect(log.more).toBe(true);
    for (let page = 0; page < 4; page += 1) await log.older();
    expect(log.messages).toHaveLength(520);
    expect(log.more).toBe(false);
    expect(ordered(log) && once(log)).toBe(true);
  });

  it("the list is in step again: a conversation that came, one that went", async () => {
    const carol = host.person(3, "Carol");
    await opened();
    host.person(4, "Dana");
    host.conversations = host.conversations.filter((one) => one !== carol);
    host.link("standing");
    await settled();
    expect(profile.sorted.map(({ name }) => name)).toEqual(["Bob", "Dana"]);
  });
});

describe("reading", () => {
  it("is told once for the newest of theirs, and not at all when nothing is unread", async () => {
    host.says(bob, "them", "one");
    const two = host.says(bob, "them", "two");
    const log = await opened();
    log.seen();
    expect(host.calls("mark_read")).toEqual([]);
    host.tell({ event: "conversation_changed", conversation: { ...bob, unread: 2 } });
    log.seen();
    log.seen();
    expect(host.calls("mark_read").map(({ message }) => message)).toEqual([two.message]);
  });

  it("the line of new messages stands before the first unread one", async () => {
    many(8);
    bob.unread = 3;
    const log = await opened();
    const first = log.messages.find(({ message }) => message === log.firstUnread);
    expect(first?.body).toEqual({ kind: "text", text: "No. 3" });
  });
});
