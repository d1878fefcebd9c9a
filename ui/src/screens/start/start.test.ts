import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { Refusal } from "../../host";
import { App } from "../../model/app.svelte";
import { ID, refused, StoryHost } from "../../testing/story_host";
import { harbour } from "../../testing/world";
import { words } from "../../words";
import Window from "../Window.svelte";

async function opened(host: StoryHost): Promise<App> {
  const app = new App(host);
  render(Window, { app });
  await app.open();
  return app;
}

/** A machine on which Sotto was never started. */
function unused(): StoryHost {
  const host = new StoryHost();
  host.profiles = [];
  host.startWith = { profile: "alice", relay: "sotto-relay://relay.example:443#00", device_name: "Browser" };
  host.instead.set("open_profile", () => Promise.reject(refused("profile_not_found")));
  return host;
}

it("the first run makes a profile under the keychain, and shows an invite", async () => {
  const host = unused();
  await opened(host);
  const create = await screen.findByRole("button", { name: "Create a profile" });
  expect(create).toHaveProperty("disabled", true);
  await userEvent.type(screen.getByRole("textbox", { name: "Your name" }), "  Alice ");
  await userEvent.click(create);
  expect(host.calls("create_profile")).toEqual([
    {
      profile: "alice",
      name: "Alice",
      relay: "sotto-relay://relay.example:443#00",
      device_name: "Browser",
      protection: { by: "keychain" },
    },
  ]);
  await screen.findByRole("img", { name: "Your invite as a QR code" });
});

it("without a keychain it asks for a passphrase, in words, and keeps the name", async () => {
  const host = unused();
  host.instead.set("create_profile", ({ protection }) =>
    (protection as { by: string }).by === "keychain" ? Promise.reject(refused("keychain_missing")) : null,
  );
  await opened(host);
  await userEvent.type(await screen.findByRole("textbox", { name: "Your name" }), "Alice");
  await userEvent.click(screen.getByRole("button", { name: "Create a profile" }));
  await screen.findByText(words.firstRun.noKeychain);
  expect(screen.getByRole("textbox", { name: "Your name" })).toHaveProperty("value", "Alice");
  const field = screen.getByLabelText("Passphrase");
  expect(field).toHaveProperty("type", "password");
  await userEvent.type(field, "quiet harbour at six");
  await userEvent.click(screen.getByRole("button", { name: "Create a profile" }));
  expect(host.calls("create_profile").at(-1)).toMatchObject({
    name: "Alice",
    protection: { by: "passphrase", passphrase: "quiet harbour at six" },
  });
  await screen.findByRole("complementary", { name: "Conversations" });
});

it("a profile that can't be made is said, and everything that was filled in stays", async () => {
  const host = unused();
  host.instead.set("create_profile", () => Promise.reject(refused("disk_full")));
  await opened(host);
  await userEvent.type(await screen.findByRole("textbox", { name: "Your name" }), "Alice");
  await userEvent.click(screen.getByRole("button", { name: "Create a profile" }));
  const said = await screen.findByRole("alert");
  expect(said.dataset.code).toBe("disk_full");
  expect(said.textContent).toContain("It was not done. Nothing was changed. Try again.");
  expect(screen.getByRole("textbox", { name: "Your name" })).toHaveProperty("value", "Alice");
  expect(screen.getByRole("button", { name: "Create a profile" })).toHaveProperty("disabled", false);
});

it("an invite that was pasted brings its relay, and is opened with the new profile", async () => {
  const host = unused();
  host.startWith = { profile: "alice", relay: null, device_name: "Browser" };
  host.instead.set("inspect_invite", () => ({ relay: "sotto-relay://other.example:443#11", account: ID(5) }));
  host.instead.set("open_invite", () => {
    const bob = host.person(2, "Bob", { state: "opening" });
    return { done: "conversation", conversation: bob.conversation };
  });
  await opened(host);
  await userEvent.type(await screen.findByRole("textbox", { name: "Your name" }), "Alice");
  expect(screen.getByRole("button", { name: "Create a profile" })).toHaveProperty("disabled", true);
  await userEvent.click(screen.getByRole("textbox", { name: "Got an invite? Paste it here" }));
  await userEvent.paste(" https://sotto.example/i#AAAA ");
  await screen.findByText(words.firstRun.inviteRead);
  await userEvent.click(screen.getByRole("button", { name: "Create a profile" }));
  await screen.findByRole("heading", { level: 1, name: "Bob" });
  expect(host.calls("create_profile")[0]).toMatchObject({ relay: "sotto-relay://other.example:443#11" });
  expect(host.calls("open_invite")[0]).toMatchObject({ link: "https://sotto.example/i#AAAA" });
});

it("a wrong passphrase is said and can be typed again; the right one opens", async () => {
  const host = harbour();
  host.profiles = [{ profile: "alice", key: "passphrase", open: false }];
  host.instead.set("open_profile", ({ passphrase }) =>
    passphrase === "right"
      ? null
      : Promise.reject(refused(passphrase === undefined ? "passphrase_needed" : "wrong_passphrase")),
  );
  await opened(host);
  await screen.findByRole("heading", { name: "Welcome back" });
  expect(screen.queryByRole("alert")).toBeNull();
  await userEvent.type(screen.getByLabelText("Passphrase"), "wrong{Enter}");
  const said = await screen.findByRole("alert");
  expect(said.dataset.code).toBe("wrong_passphrase");
  expect(said.textContent).toContain("It was not done.");
  const field = screen.getByLabelText("Passphrase");
  expect(field).toHaveProperty("disabled", false);
  await userEvent.clear(field);
  await userEvent.type(field, "right{Enter}");
  await screen.findByRole("complementary", { name: "Conversations" });
});

it("a profile in use by another program says so in three sentences, and opens once it is free", async () => {
  const host = harbour();
  host.profiles = [{ profile: "alice", key: "keychain", open: false }];
  const sentences = [
    "Another program has this profile open.",
    "Nothing was changed.",
    "Close the other one first.",
  ] as const;
  const [happened, safe, next] = sentences;
  host.instead.set("open_profile", () => Promise.reject(new Refusal({ code: "profile_in_use", happened, safe, next })));
  await opened(host);
  const said = await screen.findByRole("alert");
  expect(said.dataset.code).toBe("profile_in_use");
  expect([...said.querySelectorAll("p")].map(({ textContent }) => textContent)).toEqual(sentences);
  expect(screen.queryByRole("complementary")).toBeNull();
  host.instead.clear();
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByRole("complementary", { name: "Conversations" });
});

it("a host of another contract gets no further than words and a next step", async () => {
  const host = harbour();
  host.start = () => Promise.reject(new Refusal(words.problems.otherContract(2, 1)));
  await opened(host);
  const said = await screen.findByRole("alert");
  expect(said.dataset.code).toBe("contract_other");
  expect(said.textContent).toContain("version 1");
  expect(said.textContent).toContain("speaks 2");
  expect(said.textContent).toContain("Reload the page");
  expect(host.asked).toEqual([]);
});

it("a profile that another screen made or closed is followed here", async () => {
  const host = unused();
  await opened(host);
  await screen.findByRole("heading", { name: "Talk quietly" });
  host.tell({ event: "opened" });
  await screen.findByRole("complementary", { name: "Conversations" });
  host.tell({ event: "closed", problem: refused("disk_failed").problem });
  const said = await screen.findByRole("alert");
  expect(said.dataset.code).toBe("disk_failed");
});

it("the first screen says quietly when the host has gone, and when it is another by now", async () => {
  const host = unused();
  await opened(host);
  await userEvent.type(await screen.findByRole("textbox", { name: "Your name" }), "Alice");
  host.link("lost");
  await screen.findByText(words.lines.hostLost);
  expect(screen.getByRole("textbox", { name: "Your name" })).toHaveProperty("value", "Alice");
  host.link("standing");
  await waitFor(() => expect(screen.queryByText(words.lines.hostLost)).toBeNull());
  host.link("ended");
  await screen.findByText(words.lines.hostEndedEarly);
});
