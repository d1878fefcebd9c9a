import { expect, it } from "vitest";
import type { Published } from "@contract";
import { Events } from "./events";

const typing = (conversation: string): Published => ({
  profile: "alice",
  event: { event: "typing", conversation, typing: true },
});

/** An answer that comes when the test says so. */
function pending(): { answer: Promise<string>; comes: () => void } {
  let comes = () => {};
  const answer = new Promise<string>((resolve) => (comes = () => resolve("answer")));
  return { answer, comes };
}

const aMoment = () => new Promise((resolve) => setTimeout(resolve, 5));

it("tells an event at once when nothing is being read; a command is no reading", () => {
  const events = new Events();
  const seen: string[] = [];
  events.add(({ event }) => seen.push(event.event));
  void events.during("send_text", pending().answer);
  events.tell(typing("one"));
  expect(seen).toEqual(["typing"]);
});

it("tells what overtook an answer after whoever waited for it, in its order", async () => {
  const events = new Events();
  const seen: string[] = [];
  events.add(({ event }) => "conversation" in event && seen.push(String(event.conversation)));
  const first = pending();
  const second = pending();
  const taken = events.during("conversation", first.answer).then(async (answer) => {
    await Promise.resolve();
    seen.push(answer);
  });
  events.tell(typing("one"));
  void events.during("messages", second.answer);
  events.tell(typing("two"));
  await aMoment();
  expect(seen).toEqual([]);

  first.comes();
  await taken;
  await aMoment();
  expect(seen).toEqual(["answer", "one"]);
  events.tell(typing("three"));
  second.comes();
  await aMoment();
  expect(seen).toEqual(["answer", "one", "two", "three"]);
});

it("is not held up by a reading that was refused", async () => {
  const events = new Events();
  const seen: string[] = [];
  events.add(({ event }) => seen.push(event.event));
  const refused = events.during("conversation", Promise.reject(new Error("no such thing")));
  events.tell(typing("one"));
  await expect(refused).rejects.toThrow("no such thing");
  await aMoment();
  expect(seen).toEqual(["typing"]);
});
