/** The app's shell by itself: what holds for whatever the screens show. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import type {
  AccountView,
  ConversationView,
  MessageView,
  Problem,
  Start,
} from "../../../crates/client/bindings/contract";
import { end, start } from "../world/programs";
import { Rpc } from "../world/rpc";
import { World } from "./app";
import { until } from "./until";

let world: World;
beforeEach(async () => {
  world = await World.begin();
});
afterEach(async () => {
  await world.end();
});

const account = (name: string, by = "memory") => ({
  name,
  relay: world.relay.address,
  device_name: "test",
  protection: { by },
});

test("the window shows, says whose it is, and knows what it was started with", async () => {
  const alice = await world.person("Alice");
  const { window, rpc } = alice.app;
  expect(await window.command("GET", "/title")).toBe("Sotto");
  const begun = await window.invoke<Start>("start");
  expect(begun).toEqual({ profile: "alice", relay: world.relay.address, device_name: "desktop" });
  const inside = await window.invoke("call", { method: "version", params: {} });
  expect(inside).toEqual(await rpc.call("version", {}));
  expect(world.screen.titles()).toContain("Alice – Sotto");
});

test("what another program makes over standard input is there in the window, and its end closes nothing", async () => {
  const alice = await world.person("Alice");
  await alice.call("create_profile", account("Alice"));
  alice.app.child.stdin.end();
  const shown = () => alice.app.window.invoke<AccountView>("call", { method: "account", params: { profile: "alice" } });
  expect((await shown()).name).toBe("Alice");
  await alice.app.window.invoke("call", { method: "set_name", params: { profile: "alice", name: "Alice B." } });
  expect((await shown()).name).toBe("Alice B.");
});

test("commands begin in the order in which the page asks, also when nobody waits for an answer", async () => {
  const alice = await world.person("Alice");
  await alice.call("create_profile", account("Alice"));
  const bob = new Rpc(world.starts("sotto", ["rpc", "--data", world.folder.in("bob-data")], alice.desk));
  await bob.call("create_profile", { profile: "bob", ...account("Bob") });
  const { link } = await bob.call("create_invite", { profile: "bob", single_use: true, lifetime_seconds: 3600 });
  const conversation = await until("a conversation", async () => {
    const [one] = await alice.call<ConversationView[]>("conversations");
    // The relay may not have the invite yet; whoever opens it then is told so, and opens it again.
    if (one === undefined) await alice.call("open_invite", { link });
    if (one === undefined || one.state === "opening") throw new Error("still opening");
    return one.conversation;
  });

  const texts = Array.from({ length: 300 }, (_, at) => `text ${at}`);
  await alice.app.window.runAsync(
    `const [conversation, texts] = args;
     const send = (text) => window.__TAURI_INTERNALS__.invoke("call", { method: "send_text", params: { profile: "alice", conversation, text } });
     await Promise.all(texts.map(send));`,
    conversation,
    texts,
  );
  const kept: string[] = [];
  while (kept.length < texts.length) {
    const { message } = await alice.app.rpc.event<{ message: MessageView }>("message_added");
    if ("text" in message.body) kept.push(String(message.body.text));
  }
  expect(kept).toEqual(texts);
});

test("closed while the page still holds something back, it is kept, and the keychain opens it again", async () => {
  const alice = await world.person("Alice");
  await alice.call("create_profile", account("Alice", "keychain"));
  const { window } = alice.app;
  await window.run(
    `addEventListener("pagehide", () => {
       window.__TAURI_INTERNALS__.invoke("call", { method: "set_name", params: { profile: "alice", name: "Last words" } });
     });`,
  );
  await window.invoke("write_setting", { name: "theme", value: "dark" });
  expect(await alice.app.close()).toBe(0);

  await alice.opens();
  await alice.call("open_profile");
  expect((await alice.call<AccountView>("account")).name).toBe("Last words");
  expect(await alice.app.window.invoke("read_setting", { name: "theme" })).toBe("dark");
});

test("the window's own button ends the program well, and the next window stands where this one stood", async () => {
  const alice = await world.person("Alice");
  world.screen.move("Alice – Sotto", { x: 200, y: 100, width: 800, height: 600 });
  await until("a smaller window", async () => {
    const [width] = await alice.app.window.run<[number]>("return [innerWidth]");
    if (width !== 800) throw new Error(`${width} pixels wide`);
  });
  const { child } = alice.app;
  const ended = once(child, "exit");
  // Pressed again, as a person does, if nothing came of it: a key can be lost on a busy screen.
  await until("end of the program", async () => {
    if (child.exitCode === null) world.screen.closeButton("Alice – Sotto");
    expect(child.exitCode).not.toBeNull();
  });
  expect(await ended).toEqual([0, null]);
  await alice.app.window.detach();

  await alice.opens();
  expect(await alice.app.window.run("return [innerWidth, innerHeight]")).toEqual([800, 600]);
});

test("ended between any two steps, it opens again with what was answered", async () => {
  const alice = await world.person("Alice");
  await alice.call("create_profile", account("Alice", "keychain"));
  await alice.app.window.invoke("call", { method: "set_name", params: { profile: "alice", name: "Answered" } });
  await alice.app.kill();
  await alice.opens();
  await alice.call("open_profile");
  expect((await alice.call<AccountView>("account")).name).toBe("Answered");
});

test("a second start shows the first window and ends well; another profile gets a window of its own", async () => {
  const alice = await world.person("Alice");
  world.screen.minimise("Alice – Sotto");
  expect(world.screen.visible()).not.toContain("Alice – Sotto");
  expect(await alice.startsAgain()).toBe(0);
  await until("the first window", async () => {
    expect(world.screen.visible()).toContain("Alice – Sotto");
  });
  const data = alice.args[1] ?? "";
  const other = world.starts("sotto-app", ["--data", data, "--profile", "other", "--title", "Other"], alice.desk);
  await until("the other window", async () => {
    expect(world.screen.visible()).toEqual(expect.arrayContaining(["Alice – Sotto", "Other – Sotto"]));
  });
  await end(other);
  expect(other.exitCode).toBe(0);
});

test("a profile that another program has open is a problem in words", async () => {
  const alice = await world.person("Alice");
  await alice.call("create_profile", account("Alice", "keychain"));
  expect(await alice.app.close()).toBe(0);
  const data = alice.args[1] ?? "";
  const other = new Rpc(world.starts("sotto", ["rpc", "--data", data], alice.desk));
  await other.call("open_profile", { profile: "alice" });

  await alice.opens();
  const refused = alice.app.window.invoke("call", { method: "open_profile", params: { profile: "alice" } });
  const { thrown } = await refused.then(
    () => ({ thrown: undefined }),
    (error: { thrown: Problem }) => error,
  );
  expect(thrown?.code).toBe("profile_in_use");
  expect(thrown?.next).not.toBe("");
});

test("a page that was loaded anew is told what happens", async () => {
  const alice = await world.person("Alice");
  const { window } = alice.app;
  await window.get("textbox", "Your name");
  await window.command("POST", "/refresh", {});
  await window.get("textbox", "Your name");
  await alice.call("create_profile", account("Alice"));
  await window.get("button", "New conversation");
});

test("the page can reach nothing but the contract and its settings", async () => {
  const alice = await world.person("Alice");
  const { window } = alice.app;
  const outcome = (body: string) =>
    window.runAsync<string>(`try { ${body}; return "done" } catch (error) { return String(error) }`);
  const invoke = (command: string, args: object) =>
    outcome(`await window.__TAURI_INTERNALS__.invoke(${JSON.stringify(command)}, ${JSON.stringify(args)})`);
  for (const [command, args] of [
    ["plugin:store|load", { path: "elsewhere.json" }],
    ["plugin:window-state|filename", {}],
    ["plugin:window|create", { options: { label: "x" } }],
    ["plugin:event|emit", { event: "x" }],
    ["plugin:path|resolve_directory", { directory: 1 }],
    ["plugin:webview|internal_toggle_devtools", {}],
  ] as const) {
    expect(await invoke(command, args), command).toMatch(/not allowed|not found/);
  }
  expect(await outcome(`(0, eval)("1")`)).toMatch(/EvalError/);
  expect(await outcome(`await fetch("http://127.0.0.1:9/")`)).toMatch(/TypeError/);
  const frame = `const frame = document.createElement("iframe"); frame.srcdoc = "x"; document.body.append(frame);
    if (frame.contentDocument?.body?.textContent === "x") return "shown"`;
  expect(await outcome(frame)).not.toBe("shown");
  expect(await window.run(`return String(open("https://example.org/"))`)).toBe("null");
  for (const url of ["https://example.org/", "file:///etc/passwd", "data:text/html,x", "about:blank"]) {
    await window.run("location.href = arguments[0]", url);
    expect(await window.run("return location.href"), url).toMatch(/^tauri:\/\/localhost/);
  }
  const long = await window.invoke("write_setting", { name: "x", value: "x".repeat(20_000) }).then(
    () => undefined,
    ({ thrown }: { thrown: Problem }) => thrown.code,
  );
  expect(long).toBe("setting_too_long");
});

test("where there is no screen, it says so in words and fails", async () => {
  const alice = await world.person("Alice");
  for (const DISPLAY of [undefined, ":9999"]) {
    const env = { ...alice.desk.env, DISPLAY };
    const child = start("sotto-app", ["--data", world.folder.in("nowhere")], env);
    let said = "";
    child.stderr.on("data", (text: string) => (said += text));
    await once(child, "close");
    expect(child.exitCode).toBe(1);
    expect(said).toContain("There is no screen to show a window on");
    expect(said).not.toContain("panicked");
  }
});

test("nobody else on the machine can look into the window's folder", async () => {
  const alice = await world.person("Alice");
  const mode = execFileSync("stat", ["-c", "%a", `${alice.args[1]}/app/alice`], { encoding: "utf8" });
  expect(mode.trim()).toBe("700");
  expect(await alice.app.close()).toBe(0);
  expect(readFileSync(`${alice.args[1]}/app/alice/window.json`, "utf8")).toContain("width");
});
