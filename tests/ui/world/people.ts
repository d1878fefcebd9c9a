/** A relay and people, each behind a real `sotto web` of their own. */
import { createInterface } from "node:readline";
import { end, Folder, start, type Child } from "./programs";
import { Rpc } from "./rpc";

export class Relay {
  private constructor(
    readonly child: Child,
    readonly address: string,
  ) {}

  static async start(data: string, listen = "127.0.0.1:0"): Promise<Relay> {
    const child = start("sotto-relay", ["--data", data, "--listen", listen]);
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith("sotto-relay://")) return new Relay(child, line.trim());
    }
    throw new Error("the relay said no address");
  }
}

export class Person {
  conversation = "";

  private constructor(
    readonly name: string,
    readonly data: string,
    readonly rpc: Rpc,
  ) {}

  static begin(name: string, folder: Folder, relay: string, port = 0, login: NodeJS.ProcessEnv = {}): Person {
    const data = folder.in(name.toLowerCase());
    const args = ["--data", data, "--profile", name.toLowerCase(), "--relay", relay, "--port", String(port)];
    // Without a session bus there is no keychain, as on a bare machine.
    const env = { DBUS_SESSION_BUS_ADDRESS: "unix:path=/nowhere", HOME: folder.in("home"), ...login };
    return new Person(name, data, new Rpc(start("sotto", ["web", ...args, "--rpc"], env)));
  }

  /** With a profile that lives in memory. */
  static async withProfile(name: string, folder: Folder, relay: string): Promise<Person> {
    const person = Person.begin(name, folder, relay);
    await person.call("create_profile", { name, relay, device_name: "test", protection: { by: "memory" } });
    return person;
  }

  call<T = Record<string, unknown>>(method: string, params: object = {}): Promise<T> {
    return this.rpc.call<T>(method, { profile: this.name.toLowerCase(), ...params });
  }

  /** An address that lets one page in, once. */
  async address(): Promise<string> {
    return String((await this.rpc.notification("address")).url);
  }

  async says(text: string): Promise<void> {
    await this.call("send_text", { conversation: this.conversation, text });
  }

  async invite(): Promise<string> {
    return (await this.call<{ link: string }>("create_invite", { single_use: true, lifetime_seconds: 3600 })).link;
  }
}

/** One makes an invite, the other opens it, the first accepts. */
export async function introduce(inviter: Person, guest: Person): Promise<void> {
  const link = await inviter.invite();
  guest.conversation = (await guest.call<{ conversation: string }>("open_invite", { link })).conversation;
  const { request } = await inviter.rpc.event<{ request: { request: string } }>("request_arrived");
  const accepted = await inviter.call<{ conversation: string }>("accept_request", { request: request.request });
  inviter.conversation = accepted.conversation;
}

/** Everybody of one story. */
export class World {
  readonly folder = new Folder();
  readonly people: Person[] = [];
  relay!: Relay;

  static async begin(): Promise<World> {
    const world = new World();
    world.relay = await Relay.start(world.folder.in("relay"));
    return world;
  }

  async person(name: string): Promise<Person> {
    const person = await Person.withProfile(name, this.folder, this.relay.address);
    this.people.push(person);
    return person;
  }

  /** Somebody who has just started Sotto for the first time. */
  stranger(name: string, login: NodeJS.ProcessEnv = {}): Person {
    const person = Person.begin(name, this.folder, this.relay.address, 0, login);
    this.people.push(person);
    return person;
  }

  /** The relay ends, something happens to what it keeps, and it is back under the same address. */
  async relayAway(meanwhile: (folder: string) => void): Promise<void> {
    await end(this.relay.child);
    const folder = this.folder.in("relay");
    meanwhile(folder);
    this.relay = await Relay.start(folder, new URL(this.relay.address.replace("sotto-relay:", "http:")).host);
  }

  async end(): Promise<void> {
    await Promise.all(this.people.map(({ rpc }) => end(rpc.child)));
    await end(this.relay.child);
    this.folder.remove();
  }
}
