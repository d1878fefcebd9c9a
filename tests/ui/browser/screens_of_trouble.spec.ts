/** Trouble that is not the person's fault, as they see it: what happened, what is safe, what to do. */
import { execFileSync } from "node:child_process";
import { closeSync, cpSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { bus, keychain } from "../world/login";
import { introduce, Person } from "../world/people";
import { end, type Child } from "../world/programs";
import { look, WIDE } from "./look";
import { bubble, enter, expect, say, test } from "./story";

test.use({ reducedMotion: "reduce" });
test.setTimeout(180_000);

test("a relay that was put back to yesterday: the shield is red, and sending is held", async ({ world, browser }) => {
  const [alice, bob] = [await world.person("Alice"), await world.person("Bob")];
  await introduce(alice, bob);
  const backup = world.folder.in("backup");
  await world.relayAway((folder) => cpSync(folder, backup, { recursive: true }));
  const page = await enter(browser, alice, { viewport: WIDE });
  await bob.says("The ferry is late.");
  await expect(bubble(page, "The ferry is late.")).toBeVisible();
  await say(page, "Then I will finish my tea.");
  await expect(bubble(page, "my tea").getByRole("img", { name: /Delivered|Read/ })).toBeVisible();

  // It delivered all of that, and does not know it any more.
  await world.relayAway((folder) => {
    rmSync(folder, { recursive: true });
    cpSync(backup, folder, { recursive: true });
  });
  await alice.call("reconnect_relays");
  const shield = page.locator("header .shield");
  await expect(shield).toContainText("Not protected", { timeout: 45_000 });
  const row = page.getByRole("complementary", { name: "Conversations" }).getByRole("button", { name: "Bob" });
  await expect(row).toContainText("Not protected: see why before you send");

  await test.step("what is written is held, with the reason, and stays in the field", async () => {
    const field = page.getByRole("textbox", { name: "Message" });
    await field.fill("Is anybody there?");
    await field.press("Enter");
    await expect(page.getByRole("alert").filter({ hasText: "sending is held" })).toBeVisible();
    await expect(field).toHaveValue("Is anybody there?");
  });
  await test.step("and the details say what it means and what to do", async () => {
    await shield.click();
    const details = page.getByRole("complementary", { name: "Encryption details" });
    await expect(details).toContainText("The relay contradicted itself.");
    await expect(details).toContainText("Ask them by another way what arrived");
    await look(page, "not-protected");
  });
});

test("a profile that was put back to yesterday sends nothing with keys it has used", async ({ world, browser }) => {
  const [nora, bob] = [world.stranger("Nora"), await world.person("Bob")];
  const passphrase = "quiet harbour at six";
  await nora.call("create_profile", {
    name: "Nora",
    relay: world.relay.address,
    device_name: "test",
    protection: { by: "passphrase", passphrase },
  });
  await introduce(nora, bob);
  await bob.says("Good morning");
  await nora.rpc.event("message_added");
  const [profile, backup] = [`${nora.data}/profiles/nora`, world.folder.in("backup")];
  await nora.call("close_profile");
  cpSync(profile, backup, { recursive: true });
  await nora.call("open_profile", { passphrase });
  await nora.says("Good morning, Bob");
  await bob.rpc.event("message_added");
  await bob.says("And how is the harbour?");
  await expect
    .poll(async () => {
      const { messages } = await nora.call<{ messages: { body: { text?: string } }[] }>("messages", {
        conversation: nora.conversation,
        limit: 5,
      });
      return messages.map(({ body }) => body.text);
    })
    .toContain("And how is the harbour?");
  await nora.call("close_profile");
  rmSync(profile, { recursive: true });
  cpSync(backup, profile, { recursive: true });

  const page = await enter(browser, nora, { viewport: WIDE });
  await page.getByLabel("Passphrase").fill(passphrase);
  await page.getByRole("button", { name: "Open" }).click();
  await expect(page.locator("header .shield")).toContainText("Not protected", { timeout: 45_000 });
  await expect(page.locator("header").getByRole("status")).toHaveText("sending is held");
  await expect(page.getByText("The keys of this conversation are damaged").first()).toBeVisible();
  await expect(bubble(page, "Good morning")).toBeVisible();
  await look(page, "halted");
});

/** A disk of its own that is soon full; nothing where this may not be made. */
function smallDisk(path: string): { fill(): void; free(): void; remove(): void } | null {
  mkdirSync(path, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "sotto-test", path], { stdio: "ignore" });
  } catch {
    return null;
  }
  const filler = `${path}/filler`;
  return {
    fill: () => {
      const file = openSync(filler, "w");
      try {
        for (const chunk = Buffer.alloc(4096, 1); ;) writeSync(file, chunk);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler),
    remove: () => execFileSync("umount", [path]),
  };
}

test("a full disk: the window says so, nothing is lost, and it goes on when there is room", async ({
  world,
  browser,
}) => {
  const disk = smallDisk(world.folder.in("alice"));
  test.skip(disk === null, "this machine lets nobody mount a small disk");
  if (disk === null) return;
  let alice: Person | null = null;
  try {
    alice = await world.person("Alice");
    const bob = await world.person("Bob");
    await introduce(alice, bob);
    const page = await enter(browser, alice, { viewport: WIDE });
    await bob.says("Before the disk was full.");
    await expect(bubble(page, "Before the disk was full.")).toBeVisible();
    disk.fill();
    // What a file still has room for is used up first.
    const long = "The ferry is late. ".repeat(1500);
    const said = page
      .getByRole("alert")
      .filter({ hasText: /disk is full|no room|full/i })
      .first();
    for (let n = 0; n < 120 && !(await said.isVisible()); n += 1) await bob.says(`${n} ${long}`);
    await expect(said).toBeVisible();
    await bob.says("The last of them.");
    await look(page, "disk-full");

    await test.step("what cannot be kept comes back into the field", async () => {
      await say(page, "Am I kept?");
      await expect(page.locator('.composer [role="alert"][data-code="disk_full"]')).toBeVisible();
      await expect(page.getByRole("textbox", { name: "Message" })).toHaveValue("Am I kept?");
    });
    await test.step("with room again, everything arrives and the text can be sent", async () => {
      disk.free();
      await expect(bubble(page, "The last of them.")).toBeVisible({ timeout: 60_000 });
      await page.getByRole("textbox", { name: "Message" }).press("Enter");
      await expect(bubble(page, "Am I kept?")).toHaveCount(1);
      await expect(page.locator(".lines").getByRole("alert")).toHaveCount(0);
    });
  } finally {
    if (alice !== null) await end(alice.rpc.child);
    disk.remove();
  }
});

test("a keychain that nobody unlocked: no new identity, only words, and it opens at the next login", async ({
  world,
  browser,
}) => {
  const home = world.folder.in("login");
  mkdirSync(`${home}/run`, { recursive: true, mode: 0o700 });
  const login: NodeJS.ProcessEnv = {
    ...process.env,
    HOME: home,
    XDG_RUNTIME_DIR: `${home}/run`,
    XDG_DATA_HOME: `${home}/share`,
    GNOME_KEYRING_CONTROL: undefined,
    DISPLAY: undefined,
    WAYLAND_DISPLAY: undefined,
  };
  const programs = [await bus(login)];
  const begin = async (state: "locked" | "unlocked") => {
    const keyring = await keychain(login, state);
    programs.unshift(keyring);
    return keyring;
  };
  try {
    let keyring = await begin("unlocked");
    let nora = world.stranger("Nora", login);
    let page = await enter(browser, nora, { viewport: WIDE });
    await page.getByRole("textbox", { name: "Your name" }).fill("Nora");
    await page.getByRole("button", { name: "Create a profile" }).click();
    await expect(page.getByRole("img", { name: "Your invite as a QR code" })).toBeVisible();
    const { account } = await nora.call<{ account: string }>("account");
    await end(nora.rpc.child);
    await end(keyring as Child);

    keyring = await begin("locked");
    nora = world.stranger("Nora", login);
    page = await enter(browser, nora, { viewport: WIDE });
    await expect(page.getByRole("alert")).toHaveAttribute("data-code", "keychain_locked", { timeout: 45_000 });
    await expect(page.getByRole("alert").locator("p")).toHaveCount(3);
    await look(page, "keychain-locked");

    // At the next login it is unlocked.
    await end(nora.rpc.child);
    await end(keyring as Child);
    await begin("unlocked");
    nora = world.stranger("Nora", login);
    page = await enter(browser, nora, { viewport: WIDE });
    await expect(page.getByRole("button", { name: "Settings of Nora" })).toBeVisible();
    expect((await nora.call<{ account: string }>("account")).account).toBe(account);
  } finally {
    for (const program of programs) await end(program as Child);
  }
});
