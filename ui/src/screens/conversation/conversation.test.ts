import { render, screen, waitFor } from "@testing-library/svelte";
import { expect, it } from "vitest";
import { Profile } from "../../model/profile.svelte";
import { StoryHost } from "../../testing/story_host";
import { words } from "../../words";
import Conversation from "./Conversation.svelte";

it("a conversation that is set aside says what happened, what is safe and what to do, until it goes on", async () => {
  const host = new StoryHost();
  const bob = host.person(2, "Bob");
  const profile = new Profile(host, "alice");
  await profile.load();
  profile.show(bob.conversation);
  const log = profile.open;
  if (log === null) throw new Error("no conversation is open");
  render(Conversation, { profile, log, detailsOpen: false, ondetails: () => {}, onback: () => {} });
  expect(screen.queryByRole("alert")).toBeNull();

  const trouble = {
    code: "conversation_set_aside",
    happened: "Something went wrong inside Sotto in this conversation.",
    safe: "Everything in it is kept.",
    next: "Start Sotto again.",
  };
  host.tell({ event: "conversation_changed", conversation: { ...bob, trouble } });
  const said = await screen.findByRole("alert");
  expect(said.textContent).toContain(`${trouble.happened} ${trouble.safe} ${trouble.next}`);
  screen.getByText(words.conversation.setAside);
  expect(screen.getByRole("textbox", { name: "Message" })).toHaveProperty("disabled", false);

  host.tell({ event: "conversation_changed", conversation: { ...bob, trouble: null } });
  await waitFor(() => expect(screen.queryByRole("alert")).toBeNull());
});
