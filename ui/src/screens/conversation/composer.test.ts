import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeAll, beforeEach, expect, it } from "vitest";
import type { Log } from "../../model/log.svelte";
import { Profile } from "../../model/profile.svelte";
import { refused, StoryHost } from "../../testing/story_host";
import { shortcodes } from "../../text/emoji";
import { words } from "../../words";
import Composer from "./Composer.svelte";

let host: StoryHost;
let log: Log;

// Half a megabyte of names; a busy machine needs longer for it than a test waits.
beforeAll(async () => void (await shortcodes()));

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

it("what is written before anybody is reached is said to be kept, and for what it waits", async () => {
  const view = log.view;
  if (view === undefined) throw new Error("no conversation is open");
  for (const [state, hint] of [
    ["waiting", words.conversation.heldWaiting],
    ["opening", words.conversation.heldOpening],
    ["unreached", words.conversation.heldUnreached],
  ] as const) {
    host.tell({ event: "conversation_changed", conversation: { ...view, state } });
    await screen.findByText(hint);
  }
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

it("a name between colons is completed by keys, and Enter then sends nothing", async () => {
  await userEvent.type(field(), "Well :hear");
  const list = await screen.findByRole("listbox", { name: "Emoji with this name" });
  const options = within(list).getAllByRole("option");
  expect(options[0]?.getAttribute("aria-selected")).toBe("true");
  expect(field().getAttribute("aria-activedescendant")).toBe(options[0]?.id);
  await userEvent.keyboard("{ArrowDown}{ArrowUp}{ArrowUp}");
  expect(field().getAttribute("aria-activedescendant")).toBe(options.at(-1)?.id);
  await userEvent.keyboard("{ArrowDown}{Enter}");
  await waitFor(() => expect(field().value).toBe("Well ❤️"));
  expect(screen.queryByRole("listbox")).toBeNull();
  expect(sent()).toEqual([]);
  await userEvent.keyboard("{Enter}");
  expect(sent()).toEqual(["Well ❤️"]);
});

it("the second colon puts the emoji there; a name that none has stays", async () => {
  await userEvent.type(field(), ":tada:");
  await waitFor(() => expect(field().value).toBe("🎉"));
  await userEvent.type(field(), " :nothing_like_it:");
  await new Promise((resolve) => setTimeout(resolve));
  expect(field().value).toBe("🎉 :nothing_like_it:");
});

it("Esc leaves the name as it is, and the list does not come back for it", async () => {
  await userEvent.type(field(), ":smi");
  await screen.findByRole("listbox");
  await userEvent.keyboard("{Escape}");
  expect(screen.queryByRole("listbox")).toBeNull();
  await userEvent.type(field(), "l");
  await new Promise((resolve) => setTimeout(resolve));
  expect(screen.queryByRole("listbox")).toBeNull();
  await userEvent.keyboard("{Enter}");
  expect(sent()).toEqual([":smil"]);
});

it("is taken by a click too, in the middle of a text", async () => {
  await userEvent.type(field(), "a :tad b");
  field().setSelectionRange(6, 6);
  await fireEvent.input(field());
  await userEvent.click(await screen.findByRole("option", { name: ":tada:" }));
  await waitFor(() => expect(field().value).toBe("a 🎉 b"));
  expect(field().selectionStart).toBe("a 🎉".length);
});
