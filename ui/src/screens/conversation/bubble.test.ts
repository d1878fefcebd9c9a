import { fireEvent, render, screen } from "@testing-library/svelte";
import { expect, it } from "vitest";
import { Log } from "../../model/log.svelte";
import { Profile } from "../../model/profile.svelte";
import { StoryHost } from "../../testing/story_host";
import { full, hourAndMinute } from "../../text/time";
import Bubble from "./Bubble.svelte";

it("the whole date stands on the time, for who points at it", async () => {
  const host = new StoryHost();
  const bob = host.person(2, "Bob");
  const message = host.says(bob, "them", "Hello");
  const profile = new Profile(host, "alice");
  await profile.load();
  const log = new Log(profile, bob.conversation);
  render(Bubble, { log, message, name: "Bob", text: "Hello", quiet: false, ends: true, marks: true });
  const stamp = screen.getByText(hourAndMinute(message.sent));
  await fireEvent.pointerOver(stamp);
  expect(stamp.title).toBe(full(message.sent));
});
