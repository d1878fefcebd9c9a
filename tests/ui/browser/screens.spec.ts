/**
 * Every screen in both themes: no violation that axe can find, and a picture of it. The pictures go
 * to docs/screens with `cargo xtask screens`, and to the results otherwise.
 */
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { resolve } from "node:path";
import { introduce, type Person, type World } from "../world/people";
import { end } from "../world/programs";
import { bubble, enter, expect, say, test } from "./story";

const folder = process.env.SOTTO_SCREENS ?? resolve(import.meta.dirname, "../screens");
const WIDE = { width: 1180, height: 760 };
const PHONE = { width: 390, height: 780 };

test.use({ reducedMotion: "reduce" });
test.setTimeout(240_000);

/** Looks at what stands on the screen, in light and in dark. */
async function look(page: Page, name: string): Promise<void> {
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await page.waitForTimeout(250);
    await page.screenshot({ path: resolve(folder, `${name}-${theme}.png`) });
    const { violations } = await new AxeBuilder({ page }).analyze();
    const said = violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(" ")} ${failureSummary}`).join("\n   ")}`,
    );
    expect(said, `${name}, ${theme}`).toEqual([]);
  }
}

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
