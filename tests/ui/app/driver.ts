/**
 * A page in an app's window, driven from outside over WebDriver (W3C). WebKitWebDriver is told where
 * the running app listens, instead of starting it: so the story owns the app's process, its standard
 * input and its death, and a session can be had again after each.
 */
import { spawn } from "node:child_process";
import { end, type Child } from "../world/programs";
import { freePort } from "./desk";
import { until } from "./until";

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

type Reference = { [ELEMENT]: string };

export class Driver {
  private constructor(
    readonly child: Child,
    readonly base: string,
    readonly session: string,
  ) {}

  /** @param port Where the app's WebKit listens for its driver. */
  static async attach(port: number): Promise<Driver> {
    const own = await freePort();
    const arguments_ = [`--port=${own}`, `--target=127.0.0.1:${port}`];
    const child = spawn("WebKitWebDriver", arguments_, { stdio: ["pipe", "pipe", "pipe"] });
    const base = `http://127.0.0.1:${own}`;
    const session = await until("a session with the window", async () => {
      const answer = await ask(base, "POST", "/session", { capabilities: { alwaysMatch: {} } });
      return (answer as { sessionId: string }).sessionId;
    }).catch(async (error: unknown) => {
      await end(child);
      throw error;
    });
    return new Driver(child, base, session);
  }

  async command<T>(method: string, path: string, body?: object): Promise<T> {
    return (await ask(this.base, method, `/session/${this.session}${path}`, body)) as T;
  }

  /** Runs a function body in the page; what it returns must be JSON. */
  async run<T>(script: string, ...args: unknown[]): Promise<T> {
    return this.command<T>("POST", "/execute/sync", { script, args });
  }

  /** Runs an async function body in the page and waits for what it returns. */
  async runAsync<T>(body: string, ...args: unknown[]): Promise<T> {
    const script = `const done = arguments[arguments.length - 1];
      (async (...args) => { ${body} })(...arguments).then((ok) => done({ ok }), (thrown) => done({ thrown }));`;
    const answer = await this.command<{ ok?: T; thrown?: unknown }>("POST", "/execute/async", { script, args });
    if (answer.thrown !== undefined)
      throw Object.assign(new Error(JSON.stringify(answer.thrown)), { thrown: answer.thrown });
    return answer.ok as T;
  }

  /** Asks as the screens do. */
  async invoke<T>(command: string, args: object = {}): Promise<T> {
    return this.runAsync<T>("return window.__TAURI_INTERNALS__.invoke(args[0], args[1])", command, args);
  }

  /** The element with this role and accessible name, as assistive technology sees it; waits for it. */
  async get(role: string, name: string | RegExp): Promise<Element> {
    return until(`${role} “${name}”`, async () => {
      for (const element of await this.all(selectorOf(role))) {
        if ((await element.role()) !== role) continue;
        const label = await element.label();
        if (typeof name === "string" ? label === name : name.test(label)) return element;
      }
      throw new Error("not there");
    });
  }

  /** The first element of this selector whose text holds `text`; waits for it. */
  async see(selector: string, text: string): Promise<Element> {
    return until(`${selector} with “${text}”`, async () => {
      for (const element of await this.all(selector)) {
        if ((await element.text()).includes(text)) return element;
      }
      throw new Error("not there");
    });
  }

  async all(selector: string): Promise<Element[]> {
    const found = await this.command<Reference[]>("POST", "/elements", { using: "css selector", value: selector });
    return found.map((reference) => new Element(this, reference));
  }

  async screenshot(): Promise<Buffer> {
    return Buffer.from(await this.command<string>("GET", "/screenshot"), "base64");
  }

  /** Lets go of the window, which stays as it is. */
  async detach(): Promise<void> {
    await end(this.child);
  }
}

export class Element {
  constructor(
    readonly driver: Driver,
    readonly reference: Reference,
  ) {}

  async click(): Promise<void> {
    await this.#ask("POST", "/click", {});
  }

  async type(text: string): Promise<void> {
    await this.#ask("POST", "/value", { text });
  }

  async text(): Promise<string> {
    return this.#ask<string>("GET", "/text");
  }

  async role(): Promise<string> {
    return this.#ask<string>("GET", "/computedrole");
  }

  async label(): Promise<string> {
    return this.#ask<string>("GET", "/computedlabel");
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    return this.driver.command<T>(method, `/element/${this.reference[ELEMENT]}${path}`, body);
  }
}

/** Elements that can have the role at all. */
function selectorOf(role: string): string {
  const native: Record<string, string> = {
    button: "button, summary",
    textbox: "input, textarea, [contenteditable]",
    searchbox: "input",
    heading: "h1, h2, h3, h4",
    link: "a[href]",
    switch: "input, button",
    dialog: "dialog",
    img: "img, svg",
    image: "img, svg",
    article: "article",
  };
  const own = native[role];
  return own === undefined ? `[role="${role}"]` : `[role="${role}"], ${own}`;
}

async function ask(base: string, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(base + path, {
    method,
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const { value } = (await response.json()) as { value: { error?: string; message?: string } | null };
  if (!response.ok) throw new Error(`${method} ${path}: ${value?.error}: ${value?.message}`);
  return value;
}
