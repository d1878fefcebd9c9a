/**
 * The messages of the conversation on the screen: one run without holes, from the newest back to
 * the oldest that was asked for.
 */
import type { ConversationDetails, ConversationView, MessageView, SentAs } from "@contract";
import { SvelteMap } from "svelte/reactivity";
import { Refusal } from "../host";
import { Composer } from "./composer.svelte";
import type { Profile } from "./profile.svelte";

/** Messages in the first page: more than any window shows. */
const FIRST = 60;
/** Messages in a further page (the contract's most). */
const PAGE = 200;
/** What stays in memory when the person is back at the newest. */
const KEPT = 400;

export class Log {
  messages = $state.raw<MessageView[]>([]);
  /** There are older ones at the Rust side. */
  more = $state(false);
  loaded = $state(false);
  /** Messages were put before the others: the scroll position is held from the end. */
  prepending = $state(false);
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
      limit: Math.max(FIRST, Math.min(PAGE, unread + 10)),
    });
    if (this.#left) return;
    this.#merge(page.messages);
    this.more = page.more;
    this.loaded = true;
    this.unreadAtOpening = unread;
    if (unread > 0)
      this.firstUnread = page.messages.filter(({ author }) => author === "them").at(-unread)?.message ?? null;
  }

  /** Reads the newest page again: what came meanwhile is added. */
  async reread(): Promise<void> {
    const page = await this.profile.call("messages", { conversation: this.conversation, limit: PAGE });
    const oldest = page.messages[0]?.order ?? 0;
    const newest = this.messages.at(-1)?.order ?? 0;
    // More came than a page holds: what was read before no longer touches it.
    if (page.more && oldest > newest) this.messages = [];
    const here = new Set(page.messages.map(({ message }) => message));
    this.messages = this.messages.filter(({ message, order }) => order < oldest || here.has(message));
    if (this.messages.length === 0 || (this.messages[0]?.order ?? 0) >= oldest) this.more = page.more;
    this.#merge(page.messages);
    if (this.details !== null) await this.readDetails();
  }

  async older(): Promise<void> {
    const oldest = this.messages[0];
    if (this.#loading || !this.more || oldest === undefined) return;
    this.#loading = true;
    try {
      const page = await this.profile.call("messages", {
        conversation: this.conversation,
        before: oldest.order,
        limit: PAGE,
      });
      if (this.#left) return;
      this.prepending = true;
      this.messages = [...page.messages, ...this.messages];
      this.more = page.more;
    } finally {
      this.#loading = false;
    }
  }

  /** Back at the newest: what lies far behind is read again when it is wanted. */
  trim(): void {
    if (this.messages.length <= KEPT * 2) return;
    this.prepending = true;
    this.messages = this.messages.slice(-KEPT);
    this.more = true;
  }

  /** A message of some conversation was added or changed. */
  take(message: MessageView, added: boolean): void {
    if (message.conversation !== this.conversation || !this.loaded) return;
    if (added) this.fresh.add(message.message);
    const oldest = this.messages[0];
    if (this.more && oldest !== undefined && message.order < oldest.order) return;
    this.#merge([message]);
    if (message.author === "me" && this.sentAs.get(message.message) === "later") this.sentAs.delete(message.message);
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
      this.prepending = false;
      this.messages = marked;
    }
  }

  /** The person has everything up to the newest message before them. */
  seen(): void {
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

  /** Puts messages in their places; a changed order (a queued one got its place) moves. */
  #merge(fresh: MessageView[]): void {
    this.prepending = false;
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
