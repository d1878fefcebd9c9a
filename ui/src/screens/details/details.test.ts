import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import type { Shield as State, ShieldReason } from "@contract";
import type { Log } from "../../model/log.svelte";
import { Profile } from "../../model/profile.svelte";
import Shield from "../../parts/Shield.svelte";
import { StoryHost } from "../../testing/story_host";
import { words } from "../../words";
import Details from "./Details.svelte";

async function shown(shield: State, reason: ShieldReason): Promise<{ host: StoryHost; log: Log }> {
  const host = new StoryHost();
  const bob = host.person(2, "Bob", { shield, shield_reason: reason });
  const profile = new Profile(host, "alice");
  await profile.load();
  profile.show(bob.conversation);
  const log = profile.open;
  if (log === null) throw new Error("no conversation is open");
  render(Details, { log, onclose: () => {} });
  await screen.findByRole("img", { name: "The safety number as a code" });
  return { host, log };
}

describe("the shield", () => {
  it("has a shape of its own for each state, so that no colour stands alone", () => {
    const shapes = (["verified", "encrypted", "not_protected"] as const).map((state) => {
      const { container, unmount } = render(Shield, { state });
      const shape = [...container.querySelectorAll("path")]
        .map((path) => `${path.getAttribute("d")} ${path.getAttribute("fill")}`)
        .join();
      unmount();
      return shape;
    });
    expect(new Set(shapes).size).toBe(3);
  });

  it.each([
    ["verified", "compared"],
    ["encrypted", "not_compared"],
    ["encrypted", "history_disputed"],
    ["not_protected", "relay_contradiction"],
    ["not_protected", "halted"],
  ] as const)("%s because of %s has its word, its sentence and what to do", async (state, reason) => {
    await shown(state, reason);
    const said = document.querySelector(".state")?.textContent ?? "";
    expect(said).toContain(words.shield.word[state]);
    expect(said).toContain(words.shield.sentence[reason]);
    expect(said).toContain(words.shield.next[reason]);
  });
});

describe("comparing", () => {
  it("They match is handed to the engine, and the word changes with its event", async () => {
    const { host, log } = await shown("encrypted", "not_compared");
    await userEvent.click(screen.getByRole("button", { name: "They match" }));
    expect(host.calls("set_verified")).toEqual([{ profile: "alice", conversation: log.conversation, verified: true }]);
    const view = log.view;
    if (view === undefined) throw new Error("no conversation");
    host.tell({
      event: "conversation_changed",
      conversation: { ...view, shield: "verified", shield_reason: "compared" },
    });
    await screen.findByText(words.shield.sentence.compared);
    await userEvent.click(screen.getByRole("button", { name: "No longer trust this" }));
    expect(host.calls("set_verified").at(-1)).toMatchObject({ verified: false });
  });

  it("is not offered where it would promise what does not hold", async () => {
    await shown("not_protected", "relay_contradiction");
    expect(screen.queryByRole("button", { name: "They match" })).toBeNull();
  });

  it("shows all 60 digits", async () => {
    await shown("encrypted", "not_compared");
    expect(document.querySelector(".number")?.textContent?.replace(/\D/g, "")).toBe("1234567890".repeat(6));
  });
});
