/** People, each at a desk of their own with a real app on it. */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { Relay } from "../world/people";
import { type Child, end, Folder, start } from "../world/programs";
import { Rpc } from "../world/rpc";
import { Desk, freePort, Screen } from "./desk";
import { Driver } from "./driver";
import { until } from "./until";

/** An app that runs: its process, its window, and the contract on its standard input. */
export class App {
  private constructor(
    readonly child: Child,
    readonly rpc: Rpc,
    readonly window: Driver,
  ) {}

  static async start(args: string[], env: NodeJS.ProcessEnv): Promise<App> {
    const port = await freePort();
    const child = start("sotto-app", [...args, "--rpc"], {
      ...env,
      TAURI_WEBVIEW_AUTOMATION: "true",
      WEBKIT_INSPECTOR_SERVER: `127.0.0.1:${port}`,
    });
    const rpc = new Rpc(child);
    try {
      return new App(child, rpc, await Driver.attach(port));
    } catch (error) {
      await end(child, "SIGKILL");
      throw error;
    }
  }

  /** Asks it to end, as the system would, and says how it ended. */
  async close(): Promise<number | null> {
    await end(this.child);
    await this.window.detach();
    return this.child.exitCode;
  }

  /** Ends it between any two steps. */
  async kill(): Promise<void> {
    await end(this.child, "SIGKILL");
    await this.window.detach();
  }
}

export class Person {
  app!: App;

  constructor(
    readonly name: string,
    readonly desk: Desk,
    readonly args: readonly string[],
  ) {}

  get profile(): string {
    return this.name.toLowerCase();
  }

  /** Starts the app, or starts it again. */
  async opens(): Promise<App> {
    this.app = await App.start([...this.args], this.desk.env);
    return this.app;
  }

  /** Starts the program once more beside the one that runs; says how that one ended. */
  async startsAgain(...more: string[]): Promise<number | null> {
    const second = start("sotto-app", [...this.args, ...more], this.desk.env);
    second.stdin.end();
    await once(second, "exit");
    return second.exitCode;
  }

  /** A call past the screens. */
  async call<T = Record<string, unknown>>(method: string, params: object = {}): Promise<T> {
    return this.app.rpc.call<T>(method, { profile: this.profile, ...params });
  }
}

/** Everybody of one story. */
export class World {
  readonly people: Person[] = [];
  readonly others: Child[] = [];

  private constructor(
    readonly folder: Folder,
    readonly screen: Screen,
    readonly relay: Relay,
  ) {}

  static async begin(): Promise<World> {
    const folder = new Folder();
    const screen = await Screen.begin();
    return new World(folder, screen, await Relay.start(folder.in("relay")));
  }

  /** Somebody with the app open for the first time. */
  async person(name: string, { keychain = true } = {}): Promise<Person> {
    const desk = await Desk.begin(this.folder, name.toLowerCase(), this.screen, keychain);
    const data = this.folder.in(`${name.toLowerCase()}-data`);
    const args = ["--data", data, "--profile", name.toLowerCase(), "--relay", this.relay.address, "--title", name];
    const person = new Person(name, desk, args);
    this.people.push(person);
    await person.opens();
    return person;
  }

  /** Another of the project's programs at somebody's desk. */
  starts(name: string, args: string[], { env }: Desk): Child {
    const child = start(name, args, env);
    this.others.push(child);
    return child;
  }

  /** Ends everything by its id, whatever state it is in. */
  async end(): Promise<void> {
    for (const { app, desk } of this.people) {
      await app?.close();
      await desk.end();
    }
    for (const child of [...this.others, this.relay.child]) await end(child);
    await this.screen.end();
    // A view's own processes end when they see that the app is gone, a moment after it.
    await until("end of everything", async () => {
      const left = stillThere(this.folder.path);
      if (left.length > 0) throw new Error(`left behind: ${left.join("; ")}`);
    });
    this.folder.remove();
  }
}

/** Programs that were started for this folder, or by one that was. */
function stillThere(folder: string): string[] {
  return readdirSync("/proc").flatMap((id) => {
    try {
      const about = (file: string) => readFileSync(`/proc/${id}/${file}`, "utf8").replaceAll("\0", " ");
      return about("environ").includes(folder) ? [`${id} ${about("cmdline")}`] : [];
    } catch {
      return []; // no process, or one that has just ended
    }
  });
}
