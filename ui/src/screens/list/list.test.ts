import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import { Profile } from "../../model/profile.svelte";
import { StoryHost } from "../../testing/story_host";
import { harbour } from "../../testing/world";
import { words } from "../../words";
import List from "./List.svelte";

let host: StoryHost;
let profile: Profile;

beforeEach(() => void (host = harbour()));

async function shown(): Promise<void> {
  profile = new Profile(host, "alice");
  await profile.load();
  render(List, { profile, finder: null, onfresh: () => {}, onsettings: () => {} });
}

const list = () => screen.getByRole("list", { name: "Conversations" });
const rows = () => within(list()).getAllByRole("button");
const names = () => rows().map((row) => row.querySelector(".name bdi")?.textContent);
const row = (name: string) => {
  const found = rows().find((one) => one.querySelector(".name bdi")?.textContent === name);
  if (found === undefined) throw new Error(`no row of ${name}`);
  return found;
};

it("the latest conversation stands first, and one that changes moves up", async () => {
  await shown();
  expect(names()).toEqual(["Bob", "Nadia", "مريم", "Dana", "Evegnp.exe\ufffd\ufffd"]);
  const dana = profile.sorted[3];
  if (dana === undefined) throw new Error("no Dana");
  host.tell({ event: "conversation_changed", conversation: { ...dana, changed: Date.now() + 1e9 } });
  await waitFor(() => expect(names()[0]).toBe("Dana"));
});

it("a draft stands in the place of the last message, except where it is being written", async () => {
  await shown();
  expect(row("مريم").textContent).toContain("Draft: أنا في الطريق");
  await userEvent.click(row("مريم"));
  expect(row("مريم").textContent).not.toContain("Draft:");
  expect(row("مريم").getAttribute("aria-current")).toBe("true");
});

it("unread messages are counted, in words too", async () => {
  await shown();
  expect(row("Bob").textContent).toContain("2 unread messages");
  expect(row("Nadia").textContent).not.toContain("unread");
  const bob = profile.sorted[0];
  if (bob === undefined) throw new Error("no Bob");
  host.tell({ event: "conversation_changed", conversation: { ...bob, unread: 4321 } });
  await screen.findByText("999+");
  expect(row("Bob").textContent).toContain("4,321 unread messages");
});

it("typing is seen, and ends with the message", async () => {
  await shown();
  const bob = profile.sorted[0];
  if (bob === undefined) throw new Error("no Bob");
  host.tell({ event: "typing", conversation: bob.conversation, typing: true });
  await within(row("Bob")).findByText("typing …");
  host.tell({ event: "message_added", message: host.says(bob, "them", "There.") });
  await within(row("Bob")).findByText("Bring the blue folder, please");
});

it("a conversation that is not protected says so in words, not by its colour alone", async () => {
  await shown();
  expect(row("Nadia").textContent).toContain("Not protected");
  expect(row("Nadia").textContent).toContain(words.list.broken);
  expect(row("Nadia").querySelector("svg.not_protected")).not.toBeNull();
  expect(row("Bob").textContent).not.toContain("Not protected");
});

it("own messages carry their mark and are told apart for ears", async () => {
  await shown();
  expect(within(row("Dana")).getByRole("img", { name: words.conversation.delivery.queued })).toBeTruthy();
  expect(row("Dana").textContent).toContain("You:");
});

it("Unread shows those alone, and says when there are none", async () => {
  await shown();
  await userEvent.click(screen.getByRole("button", { name: "Unread" }));
  expect(names()).toEqual(["Bob"]);
  const bob = profile.sorted[0];
  if (bob === undefined) throw new Error("no Bob");
  host.tell({ event: "conversation_changed", conversation: { ...bob, unread: 0 } });
  await screen.findByText("You have read everything.");
  await userEvent.click(screen.getByRole("button", { name: "All" }));
  expect(names()).toHaveLength(5);
});

it("finds by name and by the last message, opens the first with Enter, and says what was not found", async () => {
  await shown();
  const finder = screen.getByRole("searchbox", { name: "Find a conversation" });
  await userEvent.type(finder, " SATURDAY");
  expect(names()).toEqual(["Nadia"]);
  await userEvent.clear(finder);
  await userEvent.type(finder, "evegnp");
  expect(names()).toHaveLength(1);
  await userEvent.clear(finder);
  await userEvent.type(finder, "nobody");
  await screen.findByText("No conversation matches “nobody”.");
  await userEvent.keyboard("{Enter}");
  expect(profile.open).toBeNull();
  await userEvent.keyboard("{Escape}");
  expect(names()).toHaveLength(5);
  await userEvent.type(finder, "dana{Enter}");
  expect(profile.open?.view?.name).toBe("Dana");
  expect(names()).toHaveLength(5);
});

it("an invite that led nowhere is said where its conversation stays", async () => {
  await shown();
  const dana = profile.sorted[3];
  if (dana === undefined) throw new Error("no Dana");
  host.tell({ event: "conversation_changed", conversation: { ...dana, state: "unreached" } });
  await waitFor(() => expect(row("Dana").textContent).toContain(words.list.unreached));
});

it("a conversation that is set aside says so in its row", async () => {
  await shown();
  const bob = profile.sorted[0];
  if (bob === undefined) throw new Error("no Bob");
  host.tell({ event: "conversation_changed", conversation: { ...bob, trouble: words.problems.clipboard } });
  await waitFor(() => expect(row("Bob").textContent).toContain(words.list.setAside));
  expect(row("Nadia").textContent).not.toContain(words.list.setAside);
});
