import { introduce } from "../world/people";
import { bubble, enter, expect, say, test } from "./story";
import { Firefox } from "./firefox";

test("Alice and Bob meet by an invite and talk, in two browsers", async ({ world, browser }) => {
  const alice = await enter(browser, await world.person("Alice"));
  const bob = await enter(browser, await world.person("Bob"));

  await test.step("Alice's empty list shows her invite; Bob pastes it", async () => {
    await expect(alice.getByRole("img", { name: "Your invite as a QR code" })).toBeVisible();
    const link = await alice.getByRole("textbox", { name: "Your invite as a link" }).inputValue();
    await bob.getByRole("button", { name: "New conversation" }).click();
    const field = bob.getByRole("textbox", { name: "Paste the link that somebody gave you." });
    await field.fill(`  ${link}\n`);
    await bob.getByRole("dialog").getByRole("button", { name: "Open", exact: true }).click();
  });

  await test.step("what Bob writes before she accepts waits under a clock", async () => {
    await say(bob, "Hello Alice, are you there?");
    await expect(bubble(bob, "are you there?").getByRole("img", { name: "Kept on this device" })).toBeVisible();
  });

  await test.step("Alice accepts, reads it, answers", async () => {
    await alice.getByRole("button", { name: "Accept" }).click();
    await expect(bubble(alice, "are you there?")).toBeVisible();
    await expect(alice.getByRole("heading", { name: "Bob" })).toBeVisible();
    await say(alice, "Here I am. 😌");
    await expect(bubble(bob, "Here I am. 😌")).toBeVisible();
  });

  await test.step("marks go from the clock to read, typing is seen", async () => {
    await expect(bubble(alice, "Here I am.").getByRole("img", { name: "Read" })).toBeVisible();
    await bob.getByRole("textbox", { name: "Message" }).pressSequentially("I am wri");
    await expect(alice.locator("header").getByText("typing …")).toBeVisible();
  });

  await test.step("Show messages as sent shows a Fernet token and the envelope", async () => {
    await alice.getByRole("button", { name: "Encryption details" }).last().click();
    await alice.getByRole("switch", { name: "Show messages as sent" }).click();
    const sent = bubble(alice, "Here I am.").getByRole("button", { name: "Show the sealed envelope" });
    await expect(sent).toHaveText(/^gAAAAA/);
    await sent.click();
    await expect(bubble(alice, "Here I am.")).toContainText("1,024 bytes, all that the relay saw");
  });

  await test.step("both see the same safety number; comparing it makes the shield green", async () => {
    await bob.getByRole("button", { name: "Encryption details" }).last().click();
    const number = (page: typeof alice) =>
      page.getByRole("complementary", { name: "Encryption details" }).locator(".number");
    await expect(number(bob)).toHaveText(
      await number(alice)
        .innerText()
        .then((text) => text.replace(/\s+/g, "")),
    );
    await alice.getByRole("button", { name: "They match" }).click();
    await expect(alice.locator("header .shield")).toContainText("Verified");
  });
});

test("Alice in Chromium talks with Bob in Firefox", async ({ world, browser }) => {
  const people = { alice: await world.person("Alice"), bob: await world.person("Bob") };
  await introduce(people.alice, people.bob);
  const alice = await enter(browser, people.alice);
  const bob = await Firefox.enter(people.bob);
  try {
    await say(alice, "Does the other browser read this?");
    await bob.sees("Does the other browser read this?");
    await bob.says("Every letter: žluťoučký, 陳美玲, مرحبا, 👩‍🚀.");
    await expect(bubble(alice, "Every letter: žluťoučký, 陳美玲, مرحبا, 👩‍🚀.")).toBeVisible();
    expect(bob.errors).toEqual([]);
  } finally {
    await bob.leave();
  }
});

test("a draft stays where it was written, over other conversations and a reload", async ({ world, browser }) => {
  const [alice, bob, carol] = [await world.person("Alice"), await world.person("Bob"), await world.person("Carol")];
  await introduce(alice, bob);
  await introduce(alice, carol);
  const page = await enter(browser, alice);
  const field = page.getByRole("textbox", { name: "Message" });
  const row = (name: string) =>
    page.getByRole("complementary", { name: "Conversations" }).getByRole("button", { name });
  await row("Bob").click();
  await field.fill("half a sentence for Bob");
  await row("Carol").click();
  await expect(field).toHaveValue("");
  await expect(row("Bob")).toContainText("Draft: half a sentence for Bob");
  await page.reload();
  await row("Bob").click();
  await expect(field).toHaveValue("half a sentence for Bob");
  await page.keyboard.press("Enter");
  await expect(bubble(page, "half a sentence for Bob")).toBeVisible();
  await page.reload();
  await row("Bob").click();
  await expect(bubble(page, "half a sentence for Bob")).toBeVisible();
  await expect(field).toHaveValue("");
});

test("two tabs of Alice stay in step, and the second needs no address of its own", async ({ world, browser }) => {
  const [alice, bob] = [await world.person("Alice"), await world.person("Bob")];
  await introduce(alice, bob);
  const first = await enter(browser, alice);
  await expect(first.getByRole("textbox", { name: "Message" })).toBeVisible();
  const second = await first.context().newPage();
  await second.goto(new URL("/", first.url()).href);
  await say(second, "written in the second tab");
  await expect(bubble(first, "written in the second tab")).toBeVisible();
  await bob.says("and read in both");
  await expect(bubble(first, "and read in both")).toBeVisible();
  await expect(bubble(second, "and read in both")).toBeVisible();
});
