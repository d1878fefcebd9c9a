/** An open profile as the screen knows it: kept in step by events, read anew when some were missed. */
import type {
  AccountView,
  ConversationView,
  InviteView,
  KeySource,
  MessageView,
  Problem,
  ProfileEvent,
  RequestView,
} from "@contract";
import { SvelteMap, SvelteSet } from "svelte/reactivity";
import { type Host, type Method, type Params, type Answer, problemOf } from "../host";
import { Connection } from "./connection.svelte";
import { Log } from "./log.svelte";

/** A typing line that is not renewed goes away after this long, in milliseconds. */
const TYPING_FADES = 6000;
/** How long an invite made by one click is good, in seconds. */
const A_WEEK = 7 * 24 * 60 * 60;

export class Profile {
  account = $state.raw<AccountView | null>(null);
  key = $state<KeySource>("keychain");
  requests = $state.raw<RequestView[]>([]);
  invites = $state.raw<InviteView[]>([]);
  readonly conversations = new SvelteMap<string, ConversationView>();
  readonly typing = new SvelteSet<string>();
  readonly connection: Connection;
  /** The conversation on the screen. */
  open = $state.raw<Log | null>(null);
  /** What was written in a conversation and is not with the engine yet. In memory alone. */
  readonly unkept = new Map<string, string>();
  /** Something went wrong that no field on the screen belongs to. */
  problem = $state.raw<Problem | null>(null);
  /** The newest message that arrived, for ears. */
  heard = $state.raw<MessageView | null>(null);
  readonly sorted = $derived(
    [...this.conversations.values()].sort(
      (a, b) => b.changed - a.changed || (a.conversation < b.conversation ? -1 : 1),
    ),
  );
  readonly unread = $derived(this.sorted.reduce((sum, { unread }) => sum + unread, 0));
  readonly #fading = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #stops: (() => void)[] = [];

  constructor(
    readonly host: Host,
    readonly name: string,
  ) {
    this.connection = new Connection();
  }

  async load(): Promise<void> {
    this.#stops.push(
      this.host.onEvent(({ profile, event }) => {
        if (profile === this.name) this.#hear(event);
      }),
      this.host.onLink((link) => {
        this.connection.link = link;
        if (link === "standing") void this.#reread();
      }),
    );
    await this.#read();
  }

  /** Stops listening. */
  leave(): void {
    for (const stop of this.#stops.splice(0)) stop();
    for (const timer of this.#fading.values()) clearTimeout(timer);
    this.open?.leave();
  }

  call<M extends Method>(method: M, params: Omit<Params<M>, "profile">): Promise<Answer<M>> {
    return this.host.call(method, { ...params, profile: this.name } as unknown as Params<M>);
  }

  /** Does it, and says so on the screen if it can't be done. */
  attempt(work: Promise<unknown>): void {
    work.catch((thrown: unknown) => (this.problem = problemOf(thrown)));
  }

  show(conversation: string | null): void {
    if (conversation === (this.open?.conversation ?? null)) {
      this.open?.composer.focus();
      return;
    }
    this.open?.leave();
    this.open = conversation === null ? null : new Log(this, conversation);
  }

  async makeInvite(): Promise<InviteView | null> {
    const { invite } = await this.call("create_invite", { single_use: true, lifetime_seconds: A_WEEK });
    this.invites = await this.call("invites", {});
    return this.invites.find((one) => one.invite === invite) ?? null;
  }

  /** An invite of one's own that can still be given away, made if there is none. */
  async readyInvite(): Promise<InviteView | null> {
    this.invites = await this.call("invites", {});
    const ready = this.invites.find(({ state, link, single_use }) => state === "open" && link !== null && single_use);
    return ready ?? (await this.makeInvite());
  }

  async revokeInvite(invite: string): Promise<void> {
    await this.call("revoke_invite", { invite });
    this.invites = await this.call("invites", {});
  }

  async openInvite(link: string): Promise<void> {
    const { conversation } = await this.call("open_invite", { link: link.trim() });
    await this.#take(conversation);
    this.show(conversation);
  }

  async accept(request: string): Promise<void> {
    const { conversation } = await this.call("accept_request", { request });
    await this.#take(conversation);
    this.show(conversation);
  }

  async decline(request: string): Promise<void> {
    await this.call("decline_request", { request });
  }

  async setName(name: string): Promise<void> {
    await this.call("set_name", { name });
    this.account = await this.call("account", {});
  }

  async setReceipts(on: boolean): Promise<void> {
    await this.call("set_receipts", { on });
    this.account = await this.call("account", {});
  }

  async recoveryCodeSaved(): Promise<void> {
    await this.call("recovery_code_saved", {});
    this.account = await this.call("account", {});
  }

  async #take(conversation: string): Promise<void> {
    this.conversations.set(conversation, await this.call("conversation", { conversation }));
  }

  async #read(): Promise<void> {
    const [account, conversations, requests, invites, relays, profiles] = await Promise.all([
      this.call("account", {}),
      this.call("conversations", {}),
      this.call("requests", {}),
      this.call("invites", {}),
      this.call("relays", {}),
      this.host.call("list_profiles", {}),
    ]);
    this.account = account;
    const here = new Set(conversations.map(({ conversation }) => conversation));
    for (const id of this.conversations.keys()) if (!here.has(id)) this.conversations.delete(id);
    for (const one of conversations) this.conversations.set(one.conversation, one);
    this.requests = requests;
    this.invites = invites;
    this.connection.relays = relays;
    this.key = profiles.find(({ profile }) => profile === this.name)?.key ?? "keychain";
  }

  /** Events were missed: everything that is shown is read again. */
  async #reread(): Promise<void> {
    try {
      await this.#read();
      await this.open?.reread();
    } catch (thrown) {
      this.problem = problemOf(thrown);
    }
  }

  #hear(event: ProfileEvent): void {
    switch (event.event) {
      case "message_added":
      case "message_changed":
        this.open?.take(event.message, event.event === "message_added");
        if (event.event === "message_added" && event.message.author !== "me") {
          this.#stopTyping(event.message.conversation);
          this.heard = event.message;
        }
        break;
      case "conversation_changed":
        this.conversations.set(event.conversation.conversation, event.conversation);
        break;
      case "marks":
        this.open?.mark(event.conversation, event.delivered, event.read);
        this.#markLast(event.conversation, event.delivered, event.read);
        break;
      case "typing":
        if (event.typing) this.#startTyping(event.conversation);
        else this.#stopTyping(event.conversation);
        break;
      case "request_arrived":
        this.requests = [...this.requests.filter(({ request }) => request !== event.request.request), event.request];
        break;
      case "request_gone":
        this.requests = this.requests.filter(({ request }) => request !== event.request);
        break;
      case "invite_ended":
        this.attempt(this.call("invites", {}).then((invites) => (this.invites = invites)));
        break;
      case "invite_failed":
        // Otherwise the answer to an earlier invite is still waited for there.
        if (event.gone) {
          if (this.open?.conversation === event.conversation) this.show(null);
          this.conversations.delete(event.conversation);
        }
        this.problem = event.problem;
        break;
      case "relay":
        this.connection.take(event);
        break;
      case "storage":
        this.connection.takeStorage(event.problem);
        break;
      case "missed":
        void this.#reread();
        break;
      case "opened":
      case "closed":
        break;
    }
  }

  /** The list's last line carries a mark too. */
  #markLast(id: string, delivered: number, read: number): void {
    const conversation = this.conversations.get(id);
    const last = conversation?.last;
    if (conversation === undefined || last == null || last.author !== "me") return;
    const delivery = last.order <= read ? "read" : last.order <= delivered ? "delivered" : last.delivery;
    if (delivery !== last.delivery) this.conversations.set(id, { ...conversation, last: { ...last, delivery } });
  }

  #startTyping(conversation: string): void {
    clearTimeout(this.#fading.get(conversation));
    this.typing.add(conversation);
    this.#fading.set(
      conversation,
      setTimeout(() => this.#stopTyping(conversation), TYPING_FADES),
    );
  }

  #stopTyping(conversation: string): void {
    clearTimeout(this.#fading.get(conversation));
    this.#fading.delete(conversation);
    this.typing.delete(conversation);
  }
}
