/**
 * A host without a Rust side, for component tests and for looking at states that are hard to bring
 * about: it answers from plain data and remembers what it was asked.
 */
import type {
  AccountView,
  ConversationDetails,
  ConversationView,
  InviteView,
  MessageView,
  ProfileEvent,
  ProfileView,
  Published,
  RelayStatus,
  RequestView,
  Start,
} from "@contract";
import type { Answer, Host, Link, Method, Params, SettingsStore } from "../host";
import { Refusal } from "../host";
import { Listeners } from "../host/listeners";

export const ID = (n: number) => n.toString(16).padStart(32, "0");
export const NOON = new Date("2026-11-25T12:00:00").getTime();

export class StoryHost implements Host {
  readonly kind = "browser";
  profiles: ProfileView[] = [{ profile: "alice", key: "keychain", open: true }];
  account: AccountView = {
    account: ID(1),
    name: "Alice",
    relay: "sotto-relay://relay.example:443#00",
    recovery_code_saved: true,
    receipts: true,
  };
  conversations: ConversationView[] = [];
  messages = new Map<string, MessageView[]>();
  requests: RequestView[] = [];
  invites: InviteView[] = [];
  relays: RelayStatus[] = [
    { relay: "sotto-relay://relay.example:443#00", state: "connected", problem: null, retry_in_ms: null },
  ];
  startWith: Start = { profile: "alice", relay: null, device_name: "Browser" };
  /** Every call, in order. */
  readonly asked: { method: Method; params: Record<string, unknown> }[] = [];
  /** Answers that a test wants instead; a thrown one refuses. */
  readonly instead = new Map<Method, (params: Record<string, unknown>) => unknown>();
  readonly stored = new Map<string, unknown>();
  readonly settings: SettingsStore = {
    read: async (name) => this.stored.get(name),
    write: async (name, value) => void this.stored.set(name, value),
  };
  readonly #events = new Listeners<Published>();
  readonly #links = new Listeners<Link>();
  #count = 1000;

  async start(): Promise<Start> {
    return this.startWith;
  }

  async call<M extends Method>(method: M, params: Params<M>): Promise<Answer<M>> {
    const given = params as Record<string, unknown>;
    this.asked.push({ method, params: given });
    const instead = this.instead.get(method);
    return (instead === undefined ? this.#answer(method, given) : await instead(given)) as Answer<M>;
  }

  onEvent(listener: (published: Published) => void): () => void {
    return this.#events.add(listener);
  }

  onLink(listener: (link: Link) => void): () => void {
    return this.#links.add(listener);
  }

  /** Something happens. */
  tell(event: ProfileEvent): void {
    this.#events.tell({ profile: this.startWith.profile, event });
  }

  link(link: Link): void {
    this.#links.tell(link);
  }

  /** Calls of one method, in order. */
  calls(method: Method): Record<string, unknown>[] {
    return this.asked.filter((one) => one.method === method).map(({ params }) => params);
  }

  person(n: number, name: string, more: Partial<ConversationView> = {}): ConversationView {
    const view: ConversationView = {
      conversation: ID(n),
      name,
      account: ID(n + 500),
      state: "active",
      shield: "encrypted",
      shield_reason: "not_compared",
      unread: 0,
      last: null,
      changed: NOON - n * 3_600_000,
      draft: "",
      trouble: null,
      ...more,
    };
    this.conversations.push(view);
    return view;
  }

  says(
    view: ConversationView,
    author: MessageView["author"],
    text: string,
    more: Partial<MessageView> = {},
  ): MessageView {
    this.#count += 1;
    const message: MessageView = {
      message: ID(this.#count),
      conversation: view.conversation,
      order: this.#count,
      author,
      sent: NOON - (2000 - this.#count) * 20_000,
      body: { kind: "text", text },
      delivery: author === "me" ? "read" : "received",
      ...more,
    };
    this.messages.set(view.conversation, [...(this.messages.get(view.conversation) ?? []), message]);
    view.last = message;
    return message;
  }

  #answer(method: Method, params: Record<string, unknown>): unknown {
    const id = String(params.conversation);
    switch (method) {
      case "version":
        return { contract: 1, program: "0.1.0" };
      case "list_profiles":
        return this.profiles;
      case "account":
        return this.account;
      case "conversations":
        return this.conversations;
      case "conversation":
        return this.conversations.find(({ conversation }) => conversation === id);
      case "messages": {
        const after = params.after as number | undefined;
        if (after !== undefined) {
          const younger = (this.messages.get(id) ?? []).filter(({ order }) => order > after);
          const page = younger.slice(0, Number(params.limit));
          return { messages: page, more: page.length < younger.length };
        }
        const before = (params.before as number | undefined) ?? Infinity;
        const older = (this.messages.get(id) ?? []).filter(({ order }) => order < before);
        const page = older.slice(-Number(params.limit));
        return { messages: page, more: page.length < older.length };
      }
      case "requests":
        return this.requests;
      case "invites":
        return this.invites;
      case "relays":
        return this.relays;
      case "details":
        return details();
      case "create_invite": {
        const link = `https://sotto.example/i#${"A".repeat(120)}`;
        this.invites = [{ invite: ID(9), link, single_use: true, expires: NOON + 6e8, state: "open" }, ...this.invites];
        return { done: "invite", invite: ID(9), link };
      }
      case "sent_as":
        return {
          token: `gAAAAAAAAAAA${"m3vL8s0cZ1uQx4tR9aYw2Jp7".repeat(6)}`,
          mls: "AAEAAg",
          envelope: "AAAA",
          envelope_size: 1024,
        };
      case "recovery_code":
        return "word ".repeat(24).trim();
      case "send_text": {
        const view = this.conversations.find(({ conversation }) => conversation === id);
        if (view === undefined) throw refused("conversation_unknown");
        const message = this.says(view, "me", String(params.text), { delivery: "queued" });
        this.tell({ event: "message_added", message });
        return { done: "message", message: message.message };
      }
      default:
        return method.startsWith("open_profile") || method === "create_profile" ? null : { done: "ok" };
    }
  }
}

export function refused(code: string): Refusal {
  return new Refusal({ code, happened: "It was not done.", safe: "Nothing was changed.", next: "Try again." });
}

function details(): ConversationDetails {
  return {
    suite: "SOTTO_128_XWING_FERNET_SHA256_Ed25519",
    epoch: 12,
    generation: 3,
    members: [
      { account: ID(1), device: "0123456789abcdef", me: true },
      { account: ID(2), device: "fedcba9876543210", me: false },
    ],
    safety_number: "12345 67890 ".repeat(6).trim(),
    relay: "sotto-relay://relay.example:443#00",
    last_key_change: NOON - 3_600_000,
    verified_at: null,
  };
}
