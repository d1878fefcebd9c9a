/** Whatever is put in that should not be: it is said in words, and what somebody wrote stays. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { introduce, Relay } from "../world/people";
import { end } from "../world/programs";
import { bubble, enter, expect, say, test } from "./story";

const MEBIBYTE = 1024 * 1024;

test("an address used twice: the second browser reads why, the first stays in", async ({ world, browser }) => {
  const alice = await world.person("Alice");
  const address = await alice.address();
  const first = await browser.newPage();
  await first.goto(address);
  await expect(first.getByRole("button", { name: "Settings of Alice" })).toBeVisible();
  // Neither history nor a glance keeps the token.
  expect(new URL(first.url()).hash).toBe("");

  const second = await (await browser.newContext()).newPage();
  await second.goto(address);
  const said = second.getByRole("alert");
  await expect(said).toHaveAttribute("data-code", "session_token_used");
  await expect(said.locator("p")).toHaveText([/\w.*\.$/, /\w.*\.$/, /sotto web|address/]);
  await expect(second.getByRole("button", { name: "Try again" })).toBeVisible();
  await expect(second.getByRole("complementary", { name: "Conversations" })).toHaveCount(0);

  await first.reload();
  await expect(first.getByRole("button", { name: "Settings of Alice" })).toBeVisible();
});

test("a wrong token, and none", async ({ world, browser }) => {
  const alice = await world.person("Alice");
  const address = await alice.address();
  const page = await (await browser.newContext()).newPage();
  for (const [hash, code] of [
    ["#nonsense", "session_token_unknown"],
    [`#${"A".repeat(43)}`, "session_token_unknown"],
    ["", "session_missing"],
  ] as const) {
    await page.goto("about:blank");
    await page.goto(new URL(`/${hash}`, address).href);
    await expect(page.getByRole("alert")).toHaveAttribute("data-code", code);
    await expect(page.getByRole("alert").locator("p")).toHaveCount(3);
  }
  // None of it spent the real one.
  await page.goto("about:blank");
  await page.goto(address);
  await expect(page.getByRole("button", { name: "Settings of Alice" })).toBeVisible();
});

test("a page of another site gets nothing, and the token it tried is dead", async ({ world, browser }) => {
  const alice = await world.person("Alice");
  const address = await alice.address();
  const { origin, hash, host } = new URL(address);
  const site = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<title>Another site</title>");
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  try {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
    const got = await page.evaluate(
      async ([origin, host, token]) => {
        const post = (headers: Record<string, string>, mode: RequestMode) =>
          fetch(`${origin}/session`, { method: "POST", mode, headers, body: JSON.stringify({ token }) }).then(
            async (response) => `${response.type} ${response.status} ${await response.text()}`,
            () => "nothing",
          );
        const json = await post({ "content-type": "application/json" }, "cors");
        // What needs no permission to be sent; not even an answer that can't be read comes of it.
        const simple = await post({}, "no-cors");
        const readable = await fetch(`${origin}/`).then(
          () => "readable",
          () => "nothing",
        );
        const socket = await new Promise<string>((resolve) => {
          const socket = new WebSocket(`ws://${host}/contract`);
          socket.onopen = () => resolve("open");
          socket.onerror = () => resolve("nothing");
        });
        return { json, simple, readable, socket };
      },
      [origin, host, hash.slice(1)] as const,
    );
    expect(got).toEqual({ json: "nothing", simple: "nothing", readable: "nothing", socket: "nothing" });

    await test.step("the person who comes with it reads that it was used", async () => {
      await page.goto(address);
      await expect(page.getByRole("alert")).toHaveAttribute("data-code", "session_token_used");
      await expect(page.getByRole("alert").locator("p")).toHaveCount(3);
    });
    await test.step("and the next address lets them in", async () => {
      await page.goto("about:blank");
      await page.goto(await alice.address());
      await expect(page.getByRole("button", { name: "Settings of Alice" })).toBeVisible();
    });
  } finally {
    site.closeAllConnections();
    await new Promise((resolve) => site.close(resolve));
  }
});

test("a pasted mebibyte can't be sent, stays, and is sent when it is shortened", async ({ world, browser }) => {
  const [alice, bob] = [await world.person("Alice"), await world.person("Bob")];
  await introduce(alice, bob);
  const page = await enter(browser, alice);
  const field = page.getByRole("textbox", { name: "Message" });
  const novel = "The ferry is late. ".repeat(Math.ceil(MEBIBYTE / 19)).slice(0, MEBIBYTE);
  await field.evaluate((element: HTMLTextAreaElement, text) => {
    element.value = text;
    element.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertFromPaste" }));
  }, novel);
  const said = page.getByRole("alert").filter({ hasText: "1,048,576 bytes" });
  await expect(said).toContainText("65,536");
  await expect(page.getByRole("button", { name: "Send" })).toBeDisabled();
  await field.press("Enter");
  expect(await field.evaluate((element: HTMLTextAreaElement) => element.value.length)).toBe(MEBIBYTE);
  await field.fill("The ferry is late.");
  await expect(said).toHaveCount(0);
  await field.press("Enter");
  await expect(bubble(page, "The ferry is late.")).toHaveCount(1);
  await expect(field).toHaveValue("");

  await test.step("the longest that is allowed goes, byte by byte", async () => {
    const most = "ž".repeat(32_768);
    await field.fill(`${most}x`);
    await expect(page.getByRole("alert").filter({ hasText: "65,537 bytes" })).toBeVisible();
    await field.fill(most);
    await field.press("Enter");
    await expect(field).toHaveValue("");
    // It is so tall that the message before it may be out of sight, and out of the list.
    await expect(page.getByRole("article").last()).toContainText("ž".repeat(1_000));
  });
});

test("a pasted invite that is none: words, and the field stays as it is", async ({ world, browser }) => {
  const alice = await world.person("Alice");
  const own = await alice.invite();
  const page = await enter(browser, alice);
  await page.getByRole("button", { name: "New conversation" }).click();
  const sheet = page.getByRole("dialog");
  const field = sheet.getByRole("textbox", { name: "Paste the link" });
  for (const pasted of [
    "buy one, get one free",
    "https://sotto.example/i#AAAA",
    `${own.slice(0, -4)}AAAA`,
    own,
    "x".repeat(MEBIBYTE),
  ]) {
    await field.fill(pasted);
    await sheet.getByRole("button", { name: "Open", exact: true }).click();
    await expect(sheet.getByRole("alert")).toContainText(/\w{3,}.*\./);
    expect(await field.inputValue()).toBe(pasted);
    await field.fill("");
  }
  await page.keyboard.press("Escape");
  await expect(page.locator("[data-row]")).toHaveCount(0);
});

test("a name full of control and direction characters harms nothing", async ({ world, browser }) => {
  const [alice, eve] = [await world.person("Alice"), await world.person("Eve")];
  await eve.call("set_name", { name: "Eve\u202egnp.exe\u0007" });
  await introduce(alice, eve);
  const page = await enter(browser, alice);
  const shown = /^Evegnp\.exe\ufffd?$/;
  await expect(page.locator("[data-row] bdi").first()).toHaveText(shown);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(shown);
  await expect(page).toHaveTitle(/^Evegnp\.exe\ufffd? – Sotto$/);
  await eve.says("Look\u202e at \u0007this");
  await expect(bubble(page, "Look at")).toBeVisible();
  // eslint-disable-next-line no-control-regex
  expect(await page.locator("body").innerText()).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u0007\u0000]/);
});

test("the relay goes and comes back: a line, a clock, and then it is sent", async ({ world, browser }) => {
  const [alice, bob] = [await world.person("Alice"), await world.person("Bob")];
  await introduce(alice, bob);
  const page = await enter(browser, alice);
  await say(page, "Before the relay goes.");
  await expect(bubble(page, "Before the relay goes.").getByRole("img", { name: /Delivered|Read/ })).toBeVisible();
  await end(world.relay.child, "SIGKILL");
  const line = page.getByText("You are offline. What you write is kept");
  await expect(line).toBeVisible();
  await say(page, "This one waits.");
  await expect(bubble(page, "This one waits.").getByRole("img", { name: "Kept on this device" })).toBeVisible();
  const listen = new URL(world.relay.address.replace("sotto-relay:", "http:")).host;
  world.relay = await Relay.start(world.folder.in("relay"), listen);
  await page
    .getByRole("button", { name: "Try now" })
    .click({ timeout: 2000 })
    .catch(() => {});
  await expect(bubble(page, "This one waits.").getByRole("img", { name: /Delivered|Read/ })).toBeVisible({
    timeout: 45_000,
  });
  await expect(line).toHaveCount(0);
  await expect(bubble(page, "This one waits.")).toHaveCount(1);
});

test("sotto web is killed under an open page: the line says so, the text stays", async ({ world, browser }) => {
  const [alice, bob] = [await world.person("Alice"), await world.person("Bob")];
  await introduce(alice, bob);
  const page = await enter(browser, alice);
  const field = page.getByRole("textbox", { name: "Message" });
  await field.fill("half a sentence");
  await end(alice.rpc.child, "SIGKILL");
  await expect(page.getByText("This page has lost Sotto on this computer.")).toBeVisible();
  await field.press("End");
  await field.pressSequentially(" and the rest");
  await expect(field).toHaveValue("half a sentence and the rest");
  await field.press("Enter");
  await expect(page.getByRole("alert").filter({ hasText: "What you wrote is still here." })).toBeVisible();
  await expect(field).toHaveValue("half a sentence and the rest");
  await expect(page.getByRole("heading", { level: 1, name: "Bob" })).toBeVisible();
});
