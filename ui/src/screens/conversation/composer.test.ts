import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import type { Log } from "../../model/log.svelte";
import { Profile } from "../../model/profile.svelte";
import { refused, StoryHost } from "../../testing/story_host";
import Composer from "./Composer.svelte";

let host: StoryHost;
let log: Log;

beforeEach(async () => {
  host = new StoryHost();
  const bob = host.person(2, "Bob");
  const profile = new Profile(host, "alice");
  await profile.load();
  profile.show(bob.conversation);
  if (profile.open === null) throw new Error("no conversation is open");
  log = profile.open;
  render(Composer, { log });
});

const field = () => screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Message" });
const sent = () => host.calls("send_text").map(({ text }) => text);

it("Enter sends and frees the field, Shift and Enter make a line", async () => {
  expect(document.activeElement).toBe(field());
  await userEvent.type(field(), "Hello{Shift>}{Enter}{/Shift}Bob{Enter}");
  expect(sent()).toEqual(["Hello\nBob"]);
  expect(field().value).toBe("");
  expect(document.activeElement).toBe(field());
});

it("Enter that ends a composed letter sends nothing", async () => {
  await userEvent.type(field(), "ni");
  await fireEvent.keyDown(field(), { key: "Enter", isComposing: true });
  expect(sent()).toEqual([]);
});

it("a refused text is in the field again, with the three sentences", async () => {
  host.instead.set("send_text", () => Promise.reject(refused("conversation_halted")));
  await userEvent.type(field(), "Hello Bob{Enter}");
  const said = await screen.findByRole("alert");
  expect(said.textContent).toContain("It was not done. Nothing was changed. Try again.");
  expect(field().value).toBe("Hello Bob");
});

it("a text that is too long says by how much, stays, and can't be sent", async () => {
  await fireEvent.input(field(), { target: { value: "x".repeat(65_537) } });
  const said = await screen.findByRole("alert");
  expect(said.textContent).toContain("65,537 bytes");
  expect(said.textContent).toContain("65,536");
  expect(screen.getByRole("button", { name: "Send" })).toHaveProperty("disabled", true);
  await userEvent.type(field(), "{Enter}");
  expect(sent()).toEqual([]);
  expect(field().value).toHaveLength(65_537);
  await fireEvent.input(field(), { target: { value: "short" } });
  expect(screen.queryByRole("alert")).toBeNull();
});

it("the draft is kept when the field is left", async () => {
  await userEvent.type(field(), "half a sent");
  field().blur();
  expect(host.calls("set_draft").at(-1)).toMatchObject({ conversation: log.conversation, text: "half a sent" });
});

it("choosing the conversation that is open already leads back to its field", async () => {
  field().blur();
  expect(document.activeElement).toBe(document.body);
  log.profile.show(log.conversation);
  await waitFor(() => expect(document.activeElement).toBe(field()));
});
