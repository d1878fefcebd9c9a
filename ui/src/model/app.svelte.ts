/**
 * Which of the few things a window can be: opening, making a profile, asking for a passphrase,
 * showing conversations, or saying why it can't.
 */
import type { Problem, Published, Start } from "@contract";
import { problemOf, Refusal, type Host, type Link } from "../host";
import { Profile } from "./profile.svelte";
import { Settings } from "./settings.svelte";

export type Stage =
  | { at: "opening" }
  | { at: "first run" }
  | { at: "locked"; problem: Problem | null }
  | { at: "open"; profile: Profile }
  | { at: "failed"; problem: Problem };

export class App {
  stage = $state.raw<Stage>({ at: "opening" });
  /** How the way to the Rust side stands. */
  link = $state<Link>("standing");
  #start: Start | null = null;
  readonly settings: Settings;

  constructor(readonly host: Host) {
    this.settings = new Settings(host);
  }

  /** What the host was started with. */
  get start(): Start {
    if (this.#start === null) throw new Error("the host has not started");
    return this.#start;
  }

  async open(): Promise<void> {
    this.stage = { at: "opening" };
    try {
      await this.settings.load();
      if (this.#start === null) {
        const start = await this.host.start();
        this.#start = start;
        this.host.onEvent((published) => this.#hear(published));
        this.host.onLink((link) => (this.link = link));
      }
      await this.#openProfile();
    } catch (thrown) {
      this.stage = { at: "failed", problem: problemOf(thrown) };
    }
  }

  /** @throws {Refusal} when the passphrase is wrong, or the profile can't be opened. */
  async unlock(passphrase: string): Promise<void> {
    await this.host.call("open_profile", { profile: this.start.profile, passphrase });
    await this.#show();
  }

  /** The profile was made by this screen and is open. `invite` is opened at once; why it can't be is
   * said in the window, because the screen that asked for it is gone by then. */
  async begin(invite: string): Promise<void> {
    const profile = await this.#show();
    if (invite !== "") profile.attempt(profile.openInvite(invite));
  }

  async #openProfile(): Promise<void> {
    const mine = this.start.profile;
    const profiles = await this.host.call("list_profiles", {});
    const found = profiles.find(({ profile }) => profile === mine);
    if (found?.open !== true) {
      try {
        await this.host.call("open_profile", { profile: mine });
      } catch (thrown) {
        if (!(thrown instanceof Refusal)) throw thrown;
        if (thrown.code === "profile_not_found") this.stage = { at: "first run" };
        else if (thrown.code === "passphrase_needed") this.stage = { at: "locked", problem: null };
        else throw thrown;
        return;
      }
    }
    await this.#show();
  }

  async #show(): Promise<Profile> {
    if (this.stage.at === "open") return this.stage.profile;
    const profile = new Profile(this.host, this.start.profile);
    await profile.load();
    // Another screen's event may have been quicker.
    const now = this.stage as Stage;
    if (now.at === "open") {
      profile.leave();
      return now.profile;
    }
    this.stage = { at: "open", profile };
    return profile;
  }

  #hear({ profile, event }: Published): void {
    if (profile !== this.start.profile) return;
    if (event.event === "opened") {
      // Another screen of this host made or unlocked the profile.
      void this.#show().catch((thrown: unknown) => (this.stage = { at: "failed", problem: problemOf(thrown) }));
    } else if (event.event === "closed" && this.stage.at === "open") {
      this.stage.profile.leave();
      if (event.problem === null) void this.open();
      else this.stage = { at: "failed", problem: event.problem };
    }
  }
}
