/** Alice and Bob in two windows of the real app, each with a keychain of their own. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Person, World } from "./app";
import { until } from "./until";

let world: World;
beforeEach(async () => {
  world = await World.begin();
});
afterEach(async () => {
  await world.end();
});

/** As a person would: a name, and the button. */
async function firstRun(person: Person): Promise<void> {
  const { window } = person.app;
  await (await window.get("textbox", "Your name")).type(person.name);
  await (await window.get("button", "Create a profile")).click();
  await window.get("button", "New conversation");
}

async function says(person: Person, text: string): Promise<void> {
  await (await person.app.window.get("textbox", "Message")).type(`${text}\uE007`);
}

async function sees(person: Person, text: string): Promise<void> {
  await person.app.window.see("article", text);
}

test("Alice and Bob meet in two windows and talk; Bob is killed in the middle of a message and goes on", async () => {
  const alice = await world.person("Alice");
  const bob = await world.person("Bob");
  await firstRun(alice);
  await firstRun(bob);

  // Alice's empty list shows her invite; Bob pastes it.
  const link = await until("an invite", async () => {
    const shown = await alice.app.window.run<string>(
      `return document.querySelector('input[aria-label="Your invite as a link"]')?.value ?? ""`,
    );
    if (shown === "") throw new Error("not made yet");
    return shown;
  });
  await (await bob.app.window.get("button", "New conversation")).click();
  await (await bob.app.window.get("textbox", "Paste the link that somebody gave you.")).type(link);
  await (await bob.app.window.get("button", "Open")).click();
  await (await alice.app.window.get("button", "Accept")).click();
  await alice.app.window.see("h1", "Bob");

  await says(bob, "Are we still on for the harbour at six?");
  await sees(alice, "harbour at six?");
  await says(alice, "Yes. I have the drawings with me.");
  await sees(bob, "I have the drawings");

  // Half a sentence stands in Bob's window when the program is ended without warning.
  await (await bob.app.window.get("textbox", "Message")).type("Bring the blue fol");
  await until("the draft", async () => {
    const [conversation] = await bob.call<{ draft: string }[]>("conversations");
    expect(conversation?.draft).toBe("Bring the blue fol");
  });
  await bob.app.kill();
  await says(alice, "Are you still there?");

  // His keychain opens the profile; the sentence stands where it stood, and nothing is lost.
  await bob.opens();
  await sees(bob, "Are you still there?");
  await sees(bob, "I have the drawings");
  await says(bob, "der, please");
  await sees(alice, "Bring the blue folder, please");
  const texts = await alice.app.window.run<string[]>(
    `return [...document.querySelectorAll("article .text")].map((text) => text.textContent)`,
  );
  expect(texts).toEqual([
    "Are we still on for the harbour at six?",
    "Yes. I have the drawings with me.",
    "Are you still there?",
    "Bring the blue folder, please",
  ]);
  expect(await alice.app.close()).toBe(0);
  expect(await bob.app.close()).toBe(0);
});
