/**
 * The messages of the conversation on the screen: one run without holes, of bounded length, which
 * follows the person. Scrolling towards one end fetches pages there and lets go of the other end,
 * so that no page costs more than the one before it, however long the conversation is.
 */
import type { ConversationDetails, ConversationView, MessageView, Page, SentAs } from "@contract";
import { tick } from "svelte";
import { SvelteMap } from "svelte/reactivity";
import { Refusal } from "../host";
import { Composer } from "./composer.svelte";
import type { Profile } from "./profile.svelte";

/** Messages in the first page: more than any window shows. */
const FIRST = 60;
/** Messages in a further page. */
const PAGE = 80;
/** Most in a page (the contract's). */
const LONGEST_PAGE = 200;
/** What stays in the run; a page may come on top of it for a moment. */
export const KEPT = 320;

export class Log {
  messages = $state.raw<MessageView[]>([]);
  /** There are older ones at the Rust side. */
  more = $state(false);
  /** The run does not reach the newest: there are newer ones at the Rust side. */
  newer = $state(false);
  loaded = $state(false);
  /** What changed in the run changed at its beginning: the scroll position is held from the end. */
  shifting = $state(false);
  /** Counts the runs: another one has nothing to do with where the person was in the last. */
  run = $state(0);
  /** The person has the newest message before them. */
  atEnd = $state(true);
  /** The own message that was sent last on this screen: the person wants to see it. */
  sent = $state("");
  /** The first message that was unread when the conversation was opened; the line stays there. */
  firstUnread = $state<string | null>(null);
  unreadAtOpening = 0;
  details = $state.raw<ConversationDetails | null>(null);
  asSent = $state(false);
  /** Messages that came while the conversation stood open; each enters once, quietly. */
  readonly fresh = new Set<string>();
  readonly sentAs = new SvelteMap<string, SentAs | "later">();
  readonly composer: Composer;
  #loading = false;
  #left = false;
  #readUpTo = "";

  constructor(
    readonly profile: Profile,
    readonly conversation: string,
  ) {
    this.composer = new Composer(this);
    profile.attempt(this.#first());
  }

  get view(): ConversationView | undefined {
    return this.profile.conversations.get(this.conversation);
  }

  /** Keeps the draft; nothing more is taken. */
  leave(): void {
    this.#left = true;
    this.composer.leave();
  }

  async #first(): Promise<void> {
    const unread = this.view?.unread ?? 0;
    const page = await this.profile.call("messages", {
      conversation: this.conversation,
      limit: Math.max(FIRST, Math.min(LONGEST_PAGE, unread + 10)),
    });
    if (this.#left) return;
    this.#merge(page.messages);
    this.more = page.more;
    this.loaded = true;
    this.unreadAtOpening = unread;
    if (unread > 0)
      this.firstUnread = page.messages.filter(({ author }) => author === "them").at(-unread)?.message ?? null;
  }

  /** Events were missed: what stands here is read again, and what came meanwhile. */
  async reread(): Promise<void> {
    if (this.newer) await this.#rereadHere();
    else await this.#rereadNewest();
    if (this.details !== null) await this.readDetails();
  }

  async #rereadNewest(): Promise<void> {
    const page = await this.#page({ limit: LONGEST_PAGE });
    const oldest = page.messages[0]?.order ?? 0;
    const newest = this.messages.at(-1)?.order ?? 0;
    // More came than a page holds: what was read before no longer touches it.
    if (page.more && oldest > newest) this.messages = [];
    const here = new Set(page.messages.map(({ message }) => message));
    this.messages = this.messages.filter(({ message, order }) => order < oldest || here.has(message));
    if (this.messages.length === 0 || (this.messages[0]?.order ?? 0) >= oldest) this.more = page.more;
    this.#merge(page.messages);
  }

  async #rereadHere(): Promise<void> {
    const [first, last] = [this.messages[0]?.order ?? 0, this.messages.at(-1)?.order ?? 0];
    const all: MessageView[] = [];
    for (let after = first - 1, more = true; more && after < last;) {
      const page = await this.#page({ after, limit: LONGEST_PAGE });
      all.push(...page.messages.filter(({ order }) => order <= last));
      after = page.messages.at(-1)?.order ?? last;
      more = page.more;
    }
    if (this.#left || all.length === 0) return;
    this.shifting = false;
    this.messages = all;
  }

  /** Fetches what stands before the run, and lets go of its end. */
  async older(): Promise<void> {
    const oldest = this.messages[0];
    if (this.#loading || !this.more || oldest === undefined) return;
    this.#loading = true;
    try {
      const page = await this.#page({ before: oldest.order, limit: PAGE });
      if (this.#left || this.messages[0]?.order !== oldest.order) return;
      this.shifting = true;
      this.messages = [...page.messages, ...this.messages];
      this.more = page.more;
      // The list learns of one change at a time: first what came, then what went.
      await tick();
      if (this.atEnd || this.messages.length <= KEPT) return;
      this.shifting = false;
      this.messages = this.messages.slice(0, KEPT);
      this.newer = true;
    } finally {
      this.#loading = false;
    }
  }

  /** Fetches what stands after the run, and lets go of its beginning. */
  async younger(): Promise<void> {
    const newest = this.messages.at(-1);
    if (this.#loading || !this.newer || newest === undefined) return;
    this.#loading = true;
    try {
      const page = await this.#page({ after: newest.order, limit: PAGE });
      if (this.#left || this.messages.at(-1)?.order !== newest.order) return;
      this.shifting = false;
      this.messages = [...this.messages, ...page.messages];
      this.newer = page.more;
      await tick();
      this.trim();
    } finally {
      this.#loading = false;
    }
  }

  /** Lets go of what lies far behind; it is read again when it is wanted. */
  trim(): void {
    if (this.messages.length <= KEPT) return;
    this.shifting = true;
    this.messages = this.messages.slice(-KEPT);
    this.more = true;
  }

  /** A run that ends with the newest message, for somebody who is far from it. */
  async latest(): Promise<void> {
    const page = await this.#page({ limit: FIRST });
    if (this.#left || !this.newer) return;
    this.run += 1;
    this.shifting = false;
    this.atEnd = true;
    this.newer = false;
    this.more = page.more;
    this.messages = page.messages;
  }

  /** A message of some conversation was added or changed. */
  take(message: MessageView, added: boolean): void {
    if (!this.loaded) return;
    if (message.conversation !== this.conversation) {
      // What a halted conversation could not send goes on in the next one.
      if (!added) this.#forget(message.message);
      return;
    }
    const mine = message.author === "me";
    if (mine && this.sentAs.get(message.message) === "later") this.sentAs.delete(message.message);
    const oldest = this.messages[0];
    if (this.more && oldest !== undefined && message.order < oldest.order) return;
    // Somebody who reads far back keeps their place, whatever comes.
    if (added && !this.atEnd && !mine && this.messages.length >= 2 * KEPT) this.newer = true;
    if (this.newer && message.order > (this.messages.at(-1)?.order ?? 0)) {
      if (added && mine) this.profile.attempt(this.latest());
      this.#forget(message.message);
      return;
    }
    if (added) {
      this.fresh.add(message.message);
      if (mine) this.sent = message.message;
    }
    this.#merge([message]);
  }

  /** The other side has, or has read, own messages up to these orders. */
  mark(conversation: string, delivered: number, read: number): void {
    if (conversation !== this.conversation) return;
    // Marks only ever go on, so nothing before an own message that was read can change.
    let marked: MessageView[] | null = null;
    for (let at = this.messages.length - 1; at >= 0; at -= 1) {
      const message = this.messages[at];
      if (message === undefined || message.author !== "me" || message.delivery === "queued") continue;
      if (message.delivery === "read") break;
      const delivery = message.order <= read ? "read" : message.order <= delivered ? "delivered" : message.delivery;
      if (delivery === message.delivery) continue;
      marked ??= [...this.messages];
      marked[at] = { ...message, delivery };
    }
    if (marked !== null) {
      this.shifting = false;
      this.messages = marked;
    }
  }

  /** The person has everything up to the newest message before them. */
  seen(): void {
    if (this.newer) return;
    const newest = this.messages.findLast(({ author }) => author !== "me");
    if (newest === undefined || this.#readUpTo === newest.message || (this.view?.unread ?? 0) === 0) return;
    this.#readUpTo = newest.message;
    this.profile.attempt(this.profile.call("mark_read", { conversation: this.conversation, message: newest.message }));
  }

  async readDetails(): Promise<void> {
    this.details = await this.profile.call("details", { conversation: this.conversation });
  }

  async setVerified(verified: boolean): Promise<void> {
    await this.profile.call("set_verified", { conversation: this.conversation, verified });
    await this.readDetails();
  }

  /** Asks once how a message crossed the network. */
  async askSentAs(message: string): Promise<void> {
    if (this.sentAs.has(message)) return;
    try {
      this.sentAs.set(message, await this.profile.call("sent_as", { message }));
    } catch (thrown) {
      // Not encrypted yet, or a line that never was.
      if (!(thrown instanceof Refusal)) throw thrown;
      this.sentAs.set(message, "later");
    }
  }

  #page(which: { before?: number; after?: number; limit: number }): Promise<Page> {
    return this.profile.call("messages", { conversation: this.conversation, ...which });
  }

  /** A message that moved out of the run. */
  #forget(message: string): void {
    if (!this.messages.some((one) => one.message === message)) return;
    this.shifting = false;
    this.messages = this.messages.filter((one) => one.message !== message);
  }

  /** Puts messages in their places; a changed order (a queued one got its place) moves. */
  #merge(fresh: MessageView[]): void {
    this.shifting = false;
    const last = this.messages.at(-1);
    const one = fresh[0];
    if (fresh.length === 1 && one !== undefined && (last === undefined || one.order > last.order)) {
      const known = this.messages.findLastIndex(({ message }) => message === one.message);
      this.messages = known < 0 ? [...this.messages, one] : [...this.messages.toSpliced(known, 1), one];
      return;
    }
    const ids = new Set(fresh.map(({ message }) => message));
    const kept = this.messages.filter(({ message }) => !ids.has(message));
    this.messages = [...kept, ...fresh].sort((a, b) => a.order - b.order);
  }
}
