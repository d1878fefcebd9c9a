/**
 * Every screen in both themes: no violation that axe can find, and a picture of it. The pictures go
 * to docs/screens with `cargo xtask screens`, and to the results otherwise.
 */
import { introduce, type Person, type World } from "../world/people";
import { end } from "../world/programs";
import { look, PHONE, WIDE } from "./look";
import { bubble, enter, expect, say, test } from "./story";

test.use({ reducedMotion: "reduce" });
test.setTimeout(240_000);

/** People who have something to say to each other. */
async function livedIn(world: World): Promise<{ alice: Person; bob: Person }> {
  const [alice, bob, carol, maryam] = [
    await world.person("Alice"),
    await world.person("Bob"),
    await world.person("Carol"),
    await world.person("Maryam"),
  ];
  await maryam.call("set_name", { name: "مريم" });
  for (const guest of [maryam, carol, bob]) await introduce(alice, guest);
  await maryam.says("نلتقي عند الميناء غدًا");
  await carol.says("The tide table is on the door.");
  await bob.says("Are we still on for the harbour at six?");
  await alice.rpc.event("message_added");
  return { alice, bob };
}

test("the first screen, and the empty list", async ({ world, browser }) => {
  const nora = world.stranger("Nora");
  const page = await enter(browser, nora, { viewport: WIDE });
  await expect(page.getByRole("heading", { name: "Talk quietly" })).toBeVisible();
  await page.getByRole("textbox", { name: "Your name" }).fill("Nora");
  await look(page, "first-run");
  await page.getByRole("button", { name: "Create a profile" }).click();
  await expect(page.getByRole("textbox", { name: "Passphrase" })).toBeVisible();
  await look(page, "first-run-passphrase");
  await page.getByRole("textbox", { name: "Passphrase" }).fill("quiet harbour at six");
  await page.getByRole("button", { name: "Create a profile" }).click();
  await expect(page.getByRole("img", { name: "Your invite as a QR code" })).toBeVisible();
  await look(page, "empty");
  await nora.call("close_profile");
  await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
  await look(page, "locked");
});

test("conversations, wide and narrow", async ({ world, browser }) => {
  const { alice, bob } = await livedIn(world);
  const page = await enter(browser, alice, { viewport: WIDE });
  const row = (name: string) =>
    page.getByRole("complementary", { name: "Conversations" }).getByRole("button", { name });
  await row("Bob").click();
  await say(page, "Yes. I have the drawings with me.");
  await say(page, "The ones with the new quay.");
  await bob.says("The ferry is late, so no need to run. 😌");
  await bob.says("Bring the blue folder, please");
  await expect(bubble(page, "blue folder")).toBeVisible();
  await look(page, "conversation");

  await page.getByRole("button", { name: "Encryption details" }).last().click();
  await expect(page.getByRole("img", { name: "The safety number as a code" })).toBeVisible();
  await page.getByRole("switch", { name: "Show messages as sent" }).click();
  await expect(bubble(page, "blue folder").getByRole("button", { name: "Show the sealed envelope" })).toBeVisible();
  await look(page, "details");
  await page.getByRole("switch", { name: "Show messages as sent" }).click();
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Emoji" }).click();
  await expect(page.getByRole("button", { name: "grinning face", exact: true })).toBeVisible();
  // The whole list holds 1,900 buttons of one kind; axe needs a minute for what a few of them show.
  await page.getByRole("textbox", { name: "Find an emoji" }).fill("smil");
  await look(page, "emoji");
  await page.keyboard.press("Escape");

  const field = page.getByRole("textbox", { name: "Message" });
  await field.fill("Good, then I will finish my ");
  await field.pressSequentially(":te");
  await expect(page.getByRole("option", { name: ":tea:" })).toBeVisible();
  await look(page, "completion");
  await field.fill("");

  await page.getByRole("button", { name: "New conversation" }).click();
  await expect(page.getByRole("img", { name: "Your invite as a QR code" })).toBeVisible();
  await look(page, "invite");
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Settings of Alice" }).click();
  await look(page, "settings");
  await page.getByRole("button", { name: "Keyboard shortcuts" }).click();
  await look(page, "shortcuts");
  await page.keyboard.press("Escape");

  const dana = await world.person("Dana");
  await dana.call("open_invite", { link: await alice.invite() });
  await expect(page.getByRole("button", { name: "Accept" })).toBeVisible();
  await look(page, "request");
  await page.getByRole("button", { name: "Decline" }).click();

  await page.setViewportSize(PHONE);
  await look(page, "phone-conversation");
  await page.getByRole("button", { name: "Back to the conversations" }).click();
  await expect(row("Carol")).toBeVisible();
  await look(page, "phone-list");
  await page.setViewportSize(WIDE);

  await row("Bob").click();
  await end(world.relay.child);
  await expect(page.getByText("You are offline.")).toBeVisible();
  await say(page, "This one waits.");
  await expect(bubble(page, "This one waits.").getByRole("img", { name: "Kept on this device" })).toBeVisible();
  await look(page, "offline");
});

test("the settings of the look: every accent, compact, high contrast", async ({ world, browser }) => {
  const { alice, bob } = await livedIn(world);
  const page = await enter(browser, alice, { viewport: WIDE });
  await page.getByRole("complementary", { name: "Conversations" }).getByRole("button", { name: "Bob" }).click();
  await say(page, "Yes. I have the drawings with me.");
  await bob.says("The ferry is late, so no need to run.");
  await expect(bubble(page, "ferry")).toBeVisible();
  const set = async (...choices: [role: "radio" | "switch", name: string][]) => {
    await page.getByRole("button", { name: "Settings of Alice" }).click();
    for (const [role, name] of choices) await page.getByRole(role, { name }).click();
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
  };
  for (const accent of ["Blue", "Violet", "Slate"]) {
    await set(["radio", accent]);
    await look(page, `accent-${accent.toLowerCase()}`);
  }
  await set(["radio", "Plum"], ["radio", "Compact"]);
  await look(page, "compact-plum");
  await set(["radio", "Petrol"], ["radio", "Comfortable"], ["switch", "High contrast"]);
  await look(page, "contrast");
  await page.getByRole("button", { name: "Settings of Alice" }).click();
  await look(page, "contrast-settings");
});

/** There is no catalogue in a right-to-left language yet; the layout has to be ready for one. */
test("a layout from right to left, with names and words of both directions", async ({ world, browser }) => {
  const { alice, bob } = await livedIn(world);
  await bob.call("set_name", { name: "נועה בן־דוד" });
  await bob.says("נפגשים ליד Pier 4 בשעה 18:30?");
  const page = await enter(browser, alice, { viewport: WIDE });
  await page.evaluate(() => (document.documentElement.dir = "rtl"));
  const list = page.getByRole("complementary", { name: "Conversations" });
  await list.getByRole("button", { name: "נועה" }).click();
  await say(page, "نعم، العنوان: 12 Harbour St. (الطابق 3)");
  await say(page, "I have the drawings: התוכניות החדשות, not the old ones.");
  await bob.says("תודה! https://example.org/a?b=1");
  await expect(bubble(page, "תודה")).toBeVisible();
  await look(page, "rtl-conversation");
  await page.getByRole("button", { name: "Encryption details" }).last().click();
  await expect(page.getByRole("img", { name: "The safety number as a code" })).toBeVisible();
  await page.getByRole("switch", { name: "Show messages as sent" }).click();
  await look(page, "rtl-details");
  await page.getByRole("switch", { name: "Show messages as sent" }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Settings of Alice" }).click();
  await look(page, "rtl-settings");
  await page.keyboard.press("Escape");
  const before = await list.evaluate((element) => element.getBoundingClientRect().width);
  await page.getByRole("separator").focus();
  await page.keyboard.press("ArrowLeft");
  expect(await list.evaluate((element) => element.getBoundingClientRect().width)).toBeGreaterThan(before);
  await page.setViewportSize(PHONE);
  await look(page, "rtl-phone-conversation");
  await page.getByRole("button", { name: "Back to the conversations" }).click();
  await look(page, "rtl-phone-list");
});
