/**
 * What the screens stand on. The app's shell and the browser's web host are two implementations of
 * this one interface; no other folder knows which of them it is.
 */
import type { Methods, Published, Start } from "@contract";

export type Method = keyof Methods;

/** What a method takes: its own parameters, and the profile where it is about one. */
export type Params<M extends Method> = Methods[M]["params"] &
  (Methods[M]["profile"] extends true ? { profile: string } : unknown);

export type Answer<M extends Method> = Methods[M]["answer"];

/**
 * How the way to the Rust side stands. In the app it always stands. `ended`: it is another process
 * by now, which does not know this page; only a new address leads to it.
 */
export type Link = "standing" | "lost" | "ended";

export interface Host {
  /** The app's own window, or a page in somebody's browser. */
  readonly kind: "app" | "browser";

  /**
   * Reaches the Rust side and learns what to show.
   * @throws {Refusal} when it can't be reached or won't let this page in.
   */
  start(): Promise<Start>;

  /**
   * Asks for something. Calls of one profile are begun in the order in which they are made.
   * @throws {Refusal}
   */
  call<M extends Method>(method: M, params: Params<M>): Promise<Answer<M>>;

  /** Everything that happens from now on. Returns how to stop listening. */
  onEvent(listener: (published: Published) => void): () => void;

  /** The way to the Rust side was lost or stands again. After a loss, events may be missing. */
  onLink(listener: (link: Link) => void): () => void;

  /** Settings of this screen: nothing in them is secret. */
  readonly settings: SettingsStore;
}

export interface SettingsStore {
  /** The value under a name, or undefined. Never throws: a setting that can't be read is not set. */
  read(name: string): Promise<unknown>;
  write(name: string, value: unknown): Promise<void>;
}
