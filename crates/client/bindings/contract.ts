// Made from crates/client/src/contract by its test; do not edit.
// SOTTO_WRITE_BINDINGS=1 cargo test -p sotto-client bindings

/** Version of the contract; the answer to `version` must say the same. */
export const CONTRACT = 1;

export type Timestamp = number;

export type Problem = { 
/**
 * Stable, snake_case; screens and programs match on it.
 */
code: string, 
/**
 * What happened.
 */
happened: string, 
/**
 * What is safe.
 */
safe: string, 
/**
 * What to do.
 */
next: string, };

export type AccountView = { 
/**
 * Account id.
 */
account: string, 
/**
 * Name that contacts see; may be empty.
 */
name: string, 
/**
 * Home relay, as text.
 */
relay: string, 
/**
 * The recovery code has been written down.
 */
recovery_code_saved: boolean, 
/**
 * Receipts are on.
 */
receipts: boolean, };

export type ConversationState = "opening" | "waiting" | "active" | "halted" | "unreached";

export type Shield = "verified" | "encrypted" | "not_protected";

export type ShieldReason = "not_compared" | "compared" | "history_disputed" | "relay_contradiction" | "halted";

export type Author = "me" | "them" | "app";

export type Delivery = "queued" | "stored" | "delivered" | "read" | "received";

export type Notice = "unopenable" | "gap" | "accepted" | "halted" | "keys_changed";

export type Body = { "kind": "text", 
/**
 * Up to 65,536 bytes of UTF-8.
 */
text: string, } | { "kind": "newer" } | { "kind": "notice", 
/**
 * Which.
 */
notice: Notice, };

export type MessageView = { 
/**
 * Id.
 */
message: string, 
/**
 * Where.
 */
conversation: string, 
/**
 * Place in the conversation: ascending; grows when a queued message gets its place.
 */
order: number, 
/**
 * Who.
 */
author: Author, 
/**
 * By the sender's clock.
 */
sent: Timestamp, 
/**
 * What.
 */
body: Body, 
/**
 * How far it came.
 */
delivery: Delivery, };

export type Page = { 
/**
 * Messages, oldest first.
 */
messages: Array<MessageView>, 
/**
 * There are more in the direction that was asked for: older ones, for which to ask again with
 * `before` = the first one's order, or newer ones, with `after` = the last one's.
 */
more: boolean, };

export type SentAs = { 
/**
 * The Fernet token that holds the text, as ASCII.
 */
token: string, 
/**
 * The MLS PrivateMessage around it, base64 (RFC 9420, section 6.3).
 */
mls: string, 
/**
 * The envelope that the relay stored, base64; none when it is no longer kept.
 */
envelope: string | null, 
/**
 * Its size in bytes: one of 1, 4, 16, 64, 256 KiB.
 */
envelope_size: number, };

export type ConversationView = { 
/**
 * Id.
 */
conversation: string, 
/**
 * The other side's name; empty until known.
 */
name: string, 
/**
 * The other side's account, once known.
 */
account: string | null, 
/**
 * State.
 */
state: ConversationState, 
/**
 * Shield.
 */
shield: Shield, 
/**
 * Why.
 */
shield_reason: ShieldReason, 
/**
 * Messages from others that were not read.
 */
unread: number, 
/**
 * The newest message.
 */
last: MessageView | null, 
/**
 * What the person has begun to write and not sent; empty if nothing.
 */
draft: string, 
/**
 * When something last happened.
 */
changed: Timestamp, 
/**
 * It is set aside: something went wrong with it inside the program. Nothing is read or sent in it
 * until the next start.
 */
trouble: Problem | null, };

export type MemberView = { 
/**
 * Account.
 */
account: string, 
/**
 * First 16 hex digits of the device key.
 */
device: string, 
/**
 * This device.
 */
me: boolean, };

export type ConversationDetails = { 
/**
 * Cipher suite name.
 */
suite: string, 
/**
 * MLS epoch.
 */
epoch: number, 
/**
 * When that epoch began on this device, and with it the keys in use; 0 before there are any.
 */
last_key_change: Timestamp, 
/**
 * Generation of the channel, from 0.
 */
generation: number, 
/**
 * Everybody's devices.
 */
members: Array<MemberView>, 
/**
 * 60 digits in groups of 5; empty until the other account is known.
 */
safety_number: string, 
/**
 * When the safety numbers were last found to be equal; none where they were not compared.
 */
verified_at: Timestamp | null, 
/**
 * Relay, as text.
 */
relay: string, };

export type RequestView = { 
/**
 * Id.
 */
request: string, 
/**
 * Through which invite.
 */
invite: string, 
/**
 * When it arrived.
 */
arrived: Timestamp, };

export type InviteState = "open" | "used" | "revoked" | "expired";

export type InviteView = { 
/**
 * Id.
 */
invite: string, 
/**
 * The link, while it is good.
 */
link: string | null, 
/**
 * Good for one person.
 */
single_use: boolean, 
/**
 * Until.
 */
expires: Timestamp, 
/**
 * State.
 */
state: InviteState, };

export type InviteGlance = { 
/**
 * The inviter's relay, as text.
 */
relay: string, 
/**
 * The inviter's account, as the invite names it.
 */
account: string, };

export type Command = { "do": "set_name", 
/**
 * The name.
 */
name: string, } | { "do": "create_invite", 
/**
 * Good for one person only.
 */
single_use: boolean, 
/**
 * How long it is good, in seconds: 60 to 31,536,000.
 */
lifetime_seconds: number, } | { "do": "revoke_invite", 
/**
 * Which.
 */
invite: string, } | { "do": "open_invite", 
/**
 * The link, as pasted or scanned.
 */
link: string, } | { "do": "accept_request", 
/**
 * Which.
 */
request: string, } | { "do": "decline_request", 
/**
 * Which.
 */
request: string, } | { "do": "send_text", 
/**
 * Where.
 */
conversation: string, 
/**
 * What.
 */
text: string, } | { "do": "mark_read", 
/**
 * Where.
 */
conversation: string, 
/**
 * Up to which message.
 */
message: string, } | { "do": "typing", 
/**
 * Where.
 */
conversation: string, 
/**
 * Typing now.
 */
typing: boolean, } | { "do": "set_draft", 
/**
 * Where.
 */
conversation: string, 
/**
 * All of it, as it stands.
 */
text: string, } | { "do": "set_verified", 
/**
 * Where.
 */
conversation: string, 
/**
 * Compared and equal.
 */
verified: boolean, } | { "do": "set_receipts", 
/**
 * On.
 */
on: boolean, } | { "do": "recovery_code_saved" };

export type Done = { "done": "ok" } | { "done": "invite", 
/**
 * Its id.
 */
invite: string, 
/**
 * The link to give away. Whoever has it can ask to talk.
 */
link: string, } | { "done": "conversation", 
/**
 * Its id.
 */
conversation: string, } | { "done": "message", 
/**
 * Its id.
 */
message: string, };

export type Event = { "event": "message_added", 
/**
 * The message.
 */
message: MessageView, } | { "event": "message_changed", 
/**
 * As it is now.
 */
message: MessageView, } | { "event": "conversation_changed", 
/**
 * As it is now.
 */
conversation: ConversationView, } | { "event": "marks", 
/**
 * Where.
 */
conversation: string, 
/**
 * Own messages up to this order are on the other side's device.
 */
delivered: number, 
/**
 * Own messages up to this order have been read.
 */
read: number, } | { "event": "typing", 
/**
 * Where.
 */
conversation: string, 
/**
 * Typing now.
 */
typing: boolean, } | { "event": "request_arrived", 
/**
 * The request; it shows nothing of the stranger.
 */
request: RequestView, } | { "event": "request_gone", 
/**
 * Which.
 */
request: string, } | { "event": "invite_ended", 
/**
 * Which.
 */
invite: string, } | { "event": "invite_failed", 
/**
 * The conversation that [`super::Done::Conversation`] had named.
 */
conversation: string, 
/**
 * It is gone. Otherwise the answer to an invite of the same account that was opened before is
 * still waited for in it.
 */
gone: boolean, 
/**
 * Why, in words and code.
 */
problem: Problem, };

export type KeySource = "keychain" | "passphrase" | "memory";

export type Protection = { "by": "keychain" } | { "by": "passphrase", 
/**
 * The passphrase.
 */
passphrase: string, } | { "by": "memory" };

export type Query = { "read": "account", } | { "read": "conversations", } | { "read": "conversation", 
/**
 * Which.
 */
conversation: string, } | { "read": "messages", 
/**
 * Which conversation.
 */
conversation: string, 
/**
 * Only messages whose order is lower than this.
 */
before?: number, 
/**
 * Only messages whose order is higher than this, the oldest of them; `before` is not looked
 * at then.
 */
after?: number, 
/**
 * How many: 1 to 200.
 */
limit: number, } | { "read": "message", 
/**
 * Which.
 */
message: string, } | { "read": "sent_as", 
/**
 * Which.
 */
message: string, } | { "read": "details", 
/**
 * Which conversation.
 */
conversation: string, } | { "read": "requests", } | { "read": "invites", } | { "read": "recovery_code", } | { "read": "relays", };

export type Manage = { "manage": "version", } | { "manage": "list_profiles", } | { "manage": "inspect_invite", 
/**
 * The link, as pasted or scanned.
 */
link: string, } | { "manage": "create_profile", 
/**
 * Name that contacts will see, 1 to 64 characters.
 */
name: string, 
/**
 * Home relay, `sotto-relay://…`.
 */
relay: string, 
/**
 * What this device is called.
 */
device_name: string, 
/**
 * How the key of the database is kept.
 */
protection: Protection, } | { "manage": "open_profile", 
/**
 * The passphrase, where one protects the profile.
 */
passphrase?: string, } | { "manage": "close_profile", } | { "manage": "reconnect_relays", };

export type Request = Command | Query | Manage;

export type Call = { 
/**
 * Which profile; left out where the request is about none.
 */
profile?: string, 
/**
 * What.
 */
request: Request, };

export type VersionView = { 
/**
 * Version of the contract.
 */
contract: number, 
/**
 * Version of the program.
 */
program: string, };

export type ProfileView = { 
/**
 * Its name here.
 */
profile: string, 
/**
 * Where its key is.
 */
key: KeySource, 
/**
 * Open in this process.
 */
open: boolean, };

export type RelayState = "connecting" | "connected" | "offline";

export type RelayStatus = { 
/**
 * Address, as text.
 */
relay: string, 
/**
 * How the connection stands.
 */
state: RelayState, 
/**
 * Why it is not connected, if there is more to say than that it is being tried.
 */
problem: Problem | null, 
/**
 * How long until the next attempt, in milliseconds, when this was said.
 */
retry_in_ms: number | null, };

export type HostEvent = { "event": "opened", } | { "event": "relay" } & RelayStatus | { "event": "storage", 
/**
 * Why not.
 */
problem: Problem | null, } | { "event": "missed", } | { "event": "closed", 
/**
 * Why, if nobody asked for it.
 */
problem: Problem | null, };

export type ProfileEvent = Event | HostEvent;

export type Published = { 
/**
 * Which profile.
 */
profile: string, 
/**
 * What happened.
 */
event: ProfileEvent, };

export type Start = { 
/**
 * The profile that it shows. It need not be there yet.
 */
profile: string, 
/**
 * Home relay that is proposed for a new profile, `sotto-relay://…`.
 */
relay: string | null, 
/**
 * What this device is called in a new profile.
 */
device_name: string, };

/** Every call by name: what it takes beside `profile`, and what it answers. */
export interface Methods {
  version: { profile: false; params: Omit<Extract<Manage, { "manage": "version" }>, "manage">; answer: VersionView };
  list_profiles: { profile: false; params: Omit<Extract<Manage, { "manage": "list_profiles" }>, "manage">; answer: Array<ProfileView> };
  inspect_invite: { profile: false; params: Omit<Extract<Manage, { "manage": "inspect_invite" }>, "manage">; answer: InviteGlance };
  create_profile: { profile: true; params: Omit<Extract<Manage, { "manage": "create_profile" }>, "manage">; answer: null };
  open_profile: { profile: true; params: Omit<Extract<Manage, { "manage": "open_profile" }>, "manage">; answer: null };
  close_profile: { profile: true; params: Omit<Extract<Manage, { "manage": "close_profile" }>, "manage">; answer: null };
  reconnect_relays: { profile: true; params: Omit<Extract<Manage, { "manage": "reconnect_relays" }>, "manage">; answer: null };
  set_name: { profile: true; params: Omit<Extract<Command, { "do": "set_name" }>, "do">; answer: Extract<Done, { done: "ok" }> };
  create_invite: { profile: true; params: Omit<Extract<Command, { "do": "create_invite" }>, "do">; answer: Extract<Done, { done: "invite" }> };
  revoke_invite: { profile: true; params: Omit<Extract<Command, { "do": "revoke_invite" }>, "do">; answer: Extract<Done, { done: "ok" }> };
  open_invite: { profile: true; params: Omit<Extract<Command, { "do": "open_invite" }>, "do">; answer: Extract<Done, { done: "conversation" }> };
  accept_request: { profile: true; params: Omit<Extract<Command, { "do": "accept_request" }>, "do">; answer: Extract<Done, { done: "conversation" }> };
  decline_request: { profile: true; params: Omit<Extract<Command, { "do": "decline_request" }>, "do">; answer: Extract<Done, { done: "ok" }> };
  send_text: { profile: true; params: Omit<Extract<Command, { "do": "send_text" }>, "do">; answer: Extract<Done, { done: "message" }> };
  mark_read: { profile: true; params: Omit<Extract<Command, { "do": "mark_read" }>, "do">; answer: Extract<Done, { done: "ok" }> };
  typing: { profile: true; params: Omit<Extract<Command, { "do": "typing" }>, "do">; answer: Extract<Done, { done: "ok" }> };
  set_draft: { profile: true; params: Omit<Extract<Command, { "do": "set_draft" }>, "do">; answer: Extract<Done, { done: "ok" }> };
  set_verified: { profile: true; params: Omit<Extract<Command, { "do": "set_verified" }>, "do">; answer: Extract<Done, { done: "ok" }> };
  set_receipts: { profile: true; params: Omit<Extract<Command, { "do": "set_receipts" }>, "do">; answer: Extract<Done, { done: "ok" }> };
  recovery_code_saved: { profile: true; params: Omit<Extract<Command, { "do": "recovery_code_saved" }>, "do">; answer: Extract<Done, { done: "ok" }> };
  account: { profile: true; params: Omit<Extract<Query, { "read": "account" }>, "read">; answer: AccountView };
  conversations: { profile: true; params: Omit<Extract<Query, { "read": "conversations" }>, "read">; answer: Array<ConversationView> };
  conversation: { profile: true; params: Omit<Extract<Query, { "read": "conversation" }>, "read">; answer: ConversationView };
  messages: { profile: true; params: Omit<Extract<Query, { "read": "messages" }>, "read">; answer: Page };
  message: { profile: true; params: Omit<Extract<Query, { "read": "message" }>, "read">; answer: MessageView };
  sent_as: { profile: true; params: Omit<Extract<Query, { "read": "sent_as" }>, "read">; answer: SentAs };
  details: { profile: true; params: Omit<Extract<Query, { "read": "details" }>, "read">; answer: ConversationDetails };
  requests: { profile: true; params: Omit<Extract<Query, { "read": "requests" }>, "read">; answer: Array<RequestView> };
  invites: { profile: true; params: Omit<Extract<Query, { "read": "invites" }>, "read">; answer: Array<InviteView> };
  recovery_code: { profile: true; params: Omit<Extract<Query, { "read": "recovery_code" }>, "read">; answer: string | null };
  relays: { profile: true; params: Omit<Extract<Query, { "read": "relays" }>, "read">; answer: Array<RelayStatus> };
}
