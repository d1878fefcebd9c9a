/** What stands around an app: a screen with a window manager, a session bus, a keychain, a home. */
import { type ChildProcess, execFileSync, spawn, type StdioOptions } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Readable } from "node:stream";
import { bus, firstLine, keychain as unlockedKeychain } from "../world/login";
import { end, type Child, type Folder } from "../world/programs";

/** A screen that nobody looks at. */
export class Screen {
  private constructor(
    readonly name: string,
    readonly programs: readonly ChildProcess[],
  ) {}

  static async begin(): Promise<Screen> {
    const arguments_ = ["-displayfd", "3", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"];
    const server = spawn("Xvfb", arguments_, { stdio: ["ignore", "ignore", "ignore", "pipe"] });
    const name = `:${await firstLine(server, server.stdio[3] as Readable)}`;
    const manager = spawn("openbox", { env: { ...process.env, DISPLAY: name }, stdio: "ignore" });
    return new Screen(name, [manager, server]);
  }

  /** The titles of all windows, also of those that are put away. */
  titles(): string[] {
    return this.#names([]);
  }

  /** The titles of the windows that are to be seen. */
  visible(): string[] {
    return this.#names(["--onlyvisible"]);
  }

  move(title: string, to: { x: number; y: number; width: number; height: number }): void {
    const window = this.#window(title);
    this.#xdotool("windowsize", "--sync", window, String(to.width), String(to.height));
    this.#xdotool("windowmove", window, String(to.x), String(to.y));
  }

  minimise(title: string): void {
    this.#xdotool("windowminimize", "--sync", this.#window(title));
  }

  /** What the window manager does when a person presses the button that closes. */
  closeButton(title: string): void {
    this.#xdotool("windowactivate", "--sync", this.#window(title), "key", "alt+F4");
  }

  async end(): Promise<void> {
    for (const program of this.programs) await end(program as Child);
  }

  #windows(options: string[]): string[] {
    try {
      return this.#xdotool("search", ...options, "--name", "Sotto").split("\n");
    } catch {
      return []; // it fails when there is none
    }
  }

  #names(options: string[]): string[] {
    return this.#windows(options).map((window) => this.#xdotool("getwindowname", window));
  }

  #window(title: string): string {
    const window = this.#windows([]).find((window) => this.#xdotool("getwindowname", window) === title);
    if (window === undefined) throw new Error(`no window “${title}”`);
    return window;
  }

  #xdotool(...args: string[]): string {
    const env = { ...process.env, DISPLAY: this.name };
    const stdio: StdioOptions = ["ignore", "pipe", "ignore"];
    // It waits for ever for a window that goes meanwhile.
    return execFileSync("xdotool", args, { env, encoding: "utf8", stdio, timeout: 10_000 }).trim();
  }
}

/** One person's login: nothing of it is shared with another or with this machine's own. */
export class Desk {
  private constructor(
    readonly env: NodeJS.ProcessEnv,
    readonly programs: readonly ChildProcess[],
  ) {}

  /** @param keychain Whether there is one; it is unlocked, as after a login. */
  static async begin(folder: Folder, name: string, screen: Screen, keychain: boolean): Promise<Desk> {
    const home = folder.in(`${name}-home`);
    const run = `${home}/run`;
    mkdirSync(run, { recursive: true, mode: 0o700 });
    // A person who wants no motion: what is to be pressed stands still.
    mkdirSync(`${home}/.config/gtk-3.0`, { recursive: true });
    writeFileSync(`${home}/.config/gtk-3.0/settings.ini`, "[Settings]\ngtk-enable-animations=0\n");
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      HOME: home,
      XDG_RUNTIME_DIR: run,
      DISPLAY: screen.name,
      // What the machine's own session would lead to.
      DBUS_SESSION_BUS_ADDRESS: undefined,
      WAYLAND_DISPLAY: undefined,
      GNOME_KEYRING_CONTROL: undefined,
      XDG_DATA_HOME: undefined,
      XDG_CONFIG_HOME: undefined,
      XDG_CACHE_HOME: undefined,
      // Nobody listens with a screen reader, and its services would outlive the bus.
      NO_AT_BRIDGE: "1",
      // There is no graphics card; without this each view asks for one first.
      LIBGL_ALWAYS_SOFTWARE: "1",
    };
    const programs: ChildProcess[] = [await bus(env)];
    const desk = new Desk(env, programs);
    try {
      if (keychain) programs.unshift(await unlockedKeychain(env, "unlocked"));
    } catch (error) {
      await desk.end();
      throw error;
    }
    return desk;
  }

  async end(): Promise<void> {
    for (const program of this.programs) await end(program as Child);
  }
}

/** Ports given out already: whoever asked for one may not listen on it yet. */
const given = new Set<number>();

/** A port that nobody listens on, and that nobody else was given here. */
export async function freePort(): Promise<number> {
  const port = await new Promise<number>((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
  if (given.has(port)) return freePort();
  given.add(port);
  return port;
}
