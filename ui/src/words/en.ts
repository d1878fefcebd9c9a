/**
 * Every sentence that a person reads, in English. Plain, second person, no jargon: "keys" and
 * "device" are fine, "epoch" only in Encryption details. An error says what happened, what is safe
 * and what to do next.
 */
import type { Notice, Shield, ShieldReason } from "@contract";

const plural = new Intl.PluralRules("en");

/** `one` or `other`, with the number in it. */
function count(n: number, one: string, other: string): string {
  return `${n.toLocaleString("en")} ${plural.select(n) === "one" ? one : other}`;
}

const SAFE_HERE = "Your messages are kept on this device.";

export const en = {
  language: "en",
  direction: "ltr",
  product: "Sotto",

  common: {
    close: "Close",
    back: "Back to the conversations",
    copy: "Copy",
    copied: "Copied",
    retry: "Try again",
    dismiss: "Dismiss",
    more: "More",
    opening: "Opening Sotto …",
  },

  title: (unread: number, who: string | null) =>
    [unread > 0 ? `(${unread})` : "", who === null ? "Sotto" : `${who} – Sotto`].filter(Boolean).join(" "),

  firstRun: {
    heading: "Talk quietly",
    sentence: "Only you and the person you talk to can read what you write. No phone number, no e-mail.",
    name: "Your name",
    nameHint: "What the people you talk to will see.",
    invite: "Got an invite? Paste it here",
    inviteHint: "You will be connected as soon as your profile is made.",
    inviteRead: "A good invite. Your profile will use the same relay.",
    relay: "Relay",
    relayHint: "The server that passes on what it can't read, sotto-relay://…",
    create: "Create a profile",
    creating: "Making your keys …",
    noKeychain: "There is no keychain to keep your key in, so a passphrase protects it.",
    passphrase: "Passphrase",
    passphraseHint: "At least 8 characters; five random words are better. Nobody can reset it.",
  },

  locked: {
    heading: "Welcome back",
    sentence: "This profile opens with a passphrase.",
    passphrase: "Passphrase",
    open: "Open",
    opening: "Opening …",
  },

  list: {
    label: "Conversations",
    width: "Width of the list of conversations",
    widthHint: "Drag to make the list wider or narrower; double-click for its usual width",
    widthNow: (rem: number) => `${rem.toLocaleString("en", { maximumFractionDigits: 1 })} letters wide`,
    find: "Find a conversation",
    fresh: "New conversation",
    you: "You",
    settings: (name: string) => `Settings of ${name}`,
    filters: "Show",
    all: "All",
    unreadOnly: "Unread",
    nothingUnread: "You have read everything.",
    nothingFound: (what: string) => `No conversation matches “${what}”.`,
    emptyHeading: "Nobody here yet",
    empty: "Show this code to someone, or send them the link. You will see here when they open it.",
    paste: "Open an invite",
    unread: (n: number) => count(n, "unread message", "unread messages"),
    draft: "Draft:",
    mine: "You:",
    noName: "Somebody new",
    requests: "Wants to talk",
    request: "Somebody opened your invite",
    requestHint: "You learn their name when you accept. They learn nothing if you decline.",
    accept: "Accept",
    decline: "Decline",
    opening: "Opening the invite …",
    waiting: "Waiting for them to accept",
    unreached: "The invite led nowhere",
    broken: "Not protected: see why before you send",
    setAside: "Set aside: open it to see why",
  },

  conversation: {
    nothingOpen: "Choose a conversation, or begin one.",
    typing: "typing …",
    waiting: "waiting for them to accept",
    opening: "opening the invite",
    unreached: "the invite led nowhere",
    halted: "sending is held",
    setAside: "set aside until Sotto is started again",
    details: "Encryption details",
    log: (name: string) => `Conversation with ${name}`,
    beginning: "This is where your conversation begins. Only the two of you can read it.",
    unreadLine: (n: number) => count(n, "new message", "new messages"),
    latest: "Jump to the latest message",
    latestCount: (n: number) => count(n, "new message below", "new messages below"),
    today: "Today",
    yesterday: "Yesterday",
    showAll: "Show all of it",
    newer: "This was sent by a newer version of Sotto. It is kept; update to read it.",
    from: (name: string, at: string) => `${name}, ${at}`,
    fromYou: (at: string) => `You, ${at}`,
    arrived: (name: string, text: string) => `${name}: ${text}`,
    notice: {
      unopenable: "A message could not be opened. Nothing else is affected; ask for it to be sent again.",
      gap: "Some messages were so old that the relay had deleted them before you came back. Ask what you missed.",
      accepted: "You can talk now.",
      halted: "The keys of this conversation are damaged, so sending is held. What you received is kept.",
      keys_changed: "Their keys changed.",
    } satisfies Record<Notice, string>,
    delivery: {
      queued: "Kept on this device, not sent yet",
      stored: "Stored at the relay",
      delivered: "Delivered",
      read: "Read",
      received: "Received",
    },
    heldWaiting: "They have not accepted yet. What you write is kept and sent then.",
    heldOpening: "The invite is being opened. What you write is kept and sent then.",
    heldUnreached: "The invite led nowhere. What you write is kept; open another invite of theirs to send it.",
  },

  composer: {
    message: "Message",
    send: "Send",
    emoji: "Emoji",
    tooLong: (bytes: number, most: number) =>
      `This is ${bytes.toLocaleString("en")} bytes long, a message holds ${most.toLocaleString("en")}. It stays here while the window is open; shorten it or send it in parts.`,
    completions: "Emoji with this name",
    offered: (n: number) => `${count(n, "emoji", "emoji")} to choose from by arrow keys.`,
    findEmoji: "Find an emoji",
    noEmoji: "No emoji is called that.",
    emojiGroups: [
      "Smileys",
      "People",
      "",
      "Animals and nature",
      "Food and drink",
      "Travel and places",
      "Activities",
      "Objects",
      "Symbols",
      "Flags",
    ],
  },

  shield: {
    word: {
      verified: "Verified",
      encrypted: "Encrypted, not verified",
      not_protected: "Not protected",
    } satisfies Record<Shield, string>,
    short: { verified: "Verified", encrypted: "Encrypted", not_protected: "Not protected" } satisfies Record<
      Shield,
      string
    >,
    sentence: {
      compared: "End-to-end encrypted, and you compared the keys: it is really them.",
      not_compared:
        "End-to-end encrypted: nobody else can read it. You have not checked yet that the keys are really theirs.",
      history_disputed:
        "They say that the relay showed them another history than you. Nobody can read your messages, but some may be missing.",
      relay_contradiction:
        "The relay contradicted itself. Nobody can read or change your messages, but some may have been withheld or repeated, so sending is held.",
      halted: "The keys of this conversation are damaged, so sending is held. What you received is kept.",
    } satisfies Record<ShieldReason, string>,
    next: {
      compared: "",
      not_compared: "Compare the number below with theirs, by voice or side by side.",
      history_disputed: "Ask them by another way what arrived.",
      relay_contradiction: "Ask them by another way what arrived, then go on in a new conversation on another relay.",
      halted: "Give each other a new invite to go on in a new conversation. What was not sent goes along.",
    } satisfies Record<ShieldReason, string>,
  },

  details: {
    heading: "Encryption details",
    number: "Safety number",
    numberHint: (name: string) => `The same 60 digits stand on ${name}'s screen if nobody is in between.`,
    numberLater: "The safety number appears when they have accepted.",
    code: "The safety number as a code",
    match: "They match",
    unmatch: "No longer trust this",
    verifiedOn: (when: string) => `You compared it on ${when}.`,
    asSent: "Show messages as sent",
    asSentHint: "Under each message stands the Fernet token that crossed the network.",
    suite: "Cipher suite",
    epoch: "Epoch",
    generation: "Channel generation",
    keysChanged: "Last key change",
    relay: "Relay",
    devices: "Devices",
    thisDevice: "this device",
    yours: "yours",
    theirs: (name: string) => `${name}'s`,
  },

  asSent: {
    label: "Show the sealed envelope",
    heading: "As it crossed the network",
    token: "Fernet token",
    tokenHint: "holds the text",
    mls: "MLS message",
    mlsHint: "holds the token",
    envelope: "Sealed envelope",
    envelopeHint: (bytes: number) => `${bytes.toLocaleString("en")} bytes, all that the relay saw`,
    envelopeGone: "The envelope is no longer kept; the relay deleted its own when it was delivered.",
    later: "Not encrypted yet: it waits for a connection.",
  },

  invite: {
    heading: "New conversation",
    yours: "Your invite",
    yoursHint: "For one person, good for a week. Let them scan the code, or send them the link.",
    making: "Making an invite …",
    code: "Your invite as a QR code",
    link: "Your invite as a link",
    copyLink: "Copy the link",
    another: "Make another",
    open: "Open an invite",
    openHint: "Paste the link that somebody gave you.",
    openButton: "Open",
    tooLong: "This is too long for an invite. Copy the link alone, from its beginning to its end.",
    openOnes: "Invites you gave away",
    revoke: "Revoke",
    until: (when: string) => `good until ${when}`,
    single: "for one person",
    many: "for several people",
  },

  settings: {
    heading: "Settings",
    profile: "Profile",
    name: "Your name",
    save: "Save",
    theme: "Theme",
    themes: { system: "Like the system", light: "Light", dark: "Dark" },
    textSize: "Text size",
    look: "Look",
    accent: "Accent colour",
    accents: { petrol: "Petrol", blue: "Blue", violet: "Violet", plum: "Plum", slate: "Slate" },
    density: "Density",
    densities: { comfortable: "Comfortable", compact: "Compact" },
    contrast: "High contrast",
    contrastHint: "Stronger colours and edges. Also used whenever the system asks for it.",
    receipts: "Delivery and read receipts",
    receiptsHint: "Works both ways: without them you don't see theirs either.",
    recovery: "Recovery code",
    recoveryHint: "24 words that bring your account back if you lose this device. Write them on paper.",
    recoveryShow: "Show the code",
    recoverySaved: "I have written it down",
    recoveryGone: "You have written it down; it is no longer on this device.",
    connection: "Connection",
    relayStates: { connecting: "Connecting", connected: "Connected", offline: "Offline" },
    key: "Key of this profile",
    keys: {
      keychain: "in the keychain of this system",
      passphrase: "under your passphrase",
      memory: "in memory alone; gone when Sotto ends",
    },
    shortcuts: "Keyboard shortcuts",
    version: (program: string) => `Sotto ${program}`,
  },

  shortcuts: {
    heading: "Keyboard shortcuts",
    rows: {
      fresh: "New conversation",
      find: "Find a conversation",
      next: "Next conversation",
      previous: "Previous conversation",
      nth: "Conversation 1 to 9",
      settings: "Settings",
      details: "Encryption details",
      emoji: "Emoji",
      latest: "Jump to the latest message",
      send: "Send",
      line: "New line",
      close: "Close or cancel",
      list: "This list",
    },
  },

  lines: {
    connecting: "Connecting …",
    offline: "You are offline. What you write is kept and sent when the connection is back.",
    tryNow: "Try now",
    hostLost: "This page has lost Sotto on this computer. It comes back by itself if Sotto still runs.",
    hostEnded:
      "Sotto on this computer was started again. Open the address that it prints; copy what you were writing first.",
    hostEndedEarly: "Sotto on this computer was started again. Open the address that it prints.",
    memory: "A throwaway profile: its key is in memory alone, and everything is gone when this window closes.",
    memoryBrowser: "A throwaway profile: its key is in memory alone, and everything is gone when Sotto ends.",
    recovery: "Your recovery code is not written down yet.",
    recoveryShow: "Show it",
    later: "Later",
  },

  problems: {
    screen: (why: string) => ({
      happened: `Something went wrong on this screen (${why}).`,
      safe: SAFE_HERE,
      next: "Try again. If it happens again, restart Sotto.",
    }),
    otherContract: (theirs: number, ours: number) => ({
      code: "contract_other",
      happened: `This screen speaks version ${ours} of Sotto's contract, the program speaks ${theirs}.`,
      safe: "Nothing was done.",
      next: "Reload the page; if that does not help, update the older of the two.",
    }),
    hostUnreachable: {
      code: "host_unreachable",
      happened: "Sotto on this computer does not answer.",
      safe: SAFE_HERE,
      next: "Start it again with `sotto web` and open the address that it prints.",
    },
    hostLost: {
      happened: "This page lost Sotto on this computer in the middle of this.",
      safe: "What you wrote is still here.",
      next: "Wait until it is back, or start Sotto again.",
    },
    noSession: {
      code: "session_missing",
      happened: "This page was opened without a pass.",
      safe: "Nobody can see your messages without one.",
      next: "Open the address that `sotto web` printed in its terminal. Each address works once; the next one stands below it.",
    },
    tooLongForHost: {
      code: "text_too_long",
      happened: "This text is too long.",
      safe: "Nothing was sent, and your text is still here.",
      next: "Send it in several parts.",
    },
    clipboard: {
      code: "clipboard",
      happened: "The clipboard could not be written.",
      safe: "Nothing was changed.",
      next: "Select the text and copy it by hand.",
    },
  },
} as const;

export type Words = typeof en;
