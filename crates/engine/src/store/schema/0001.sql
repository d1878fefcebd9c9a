-- Everything a profile knows. Ids and keys are BLOBs, times are milliseconds since the Unix epoch.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value BLOB
) STRICT;

-- The account and this device; one row.
CREATE TABLE profile (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    account BLOB NOT NULL,
    name TEXT NOT NULL,
    relay BLOB NOT NULL,            -- encoded address of the home relay
    account_seed BLOB NOT NULL,
    device_seed BLOB NOT NULL,
    sealing_seed BLOB NOT NULL,     -- what is put into the inbox is sealed to this key
    recovery BLOB,                  -- entropy of the recovery code until it is written down
    chain BLOB NOT NULL,            -- genesis and signed statements
    credential BLOB NOT NULL,
    inbox BLOB NOT NULL,            -- channel id
    inbox_admin_seed BLOB NOT NULL,
    inbox_subscriber_seed BLOB NOT NULL,
    inbox_position INTEGER NOT NULL DEFAULT 0,
    inbox_hash BLOB NOT NULL,
    slot BLOB NOT NULL,             -- this device's place in the pool
    pool_key BLOB NOT NULL,
    receipts INTEGER NOT NULL DEFAULT 1,
    list_expires INTEGER NOT NULL   -- seconds; the device list is renewed before
) STRICT;

CREATE TABLE invites (
    id BLOB PRIMARY KEY,
    secret BLOB NOT NULL,
    writer BLOB NOT NULL UNIQUE,    -- public writer key at the inbox
    expires INTEGER NOT NULL,
    single_use INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Commands for a relay that must be carried out once, whatever happens in between; each is
-- idempotent there and is sent again on every connection until it is answered.
CREATE TABLE errands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    relay BLOB NOT NULL,
    command BLOB NOT NULL,
    role INTEGER NOT NULL,
    seed BLOB NOT NULL,             -- the key that proves the right
    after INTEGER,                  -- not before that errand is done
    purpose INTEGER NOT NULL,
    subject BLOB,
    not_before INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX errands_by_relay ON errands (relay, id);

-- Invites of others that are being opened.
CREATE TABLE openings (
    conversation BLOB PRIMARY KEY,
    relay BLOB NOT NULL,
    inbox BLOB NOT NULL,
    account BLOB NOT NULL,
    secret BLOB NOT NULL,
    card BLOB,                      -- opened and verified
    tries INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE requests (
    id BLOB PRIMARY KEY,
    invite BLOB NOT NULL,
    arrived INTEGER NOT NULL,
    psk BLOB NOT NULL,              -- of the invite, which may be gone by the time of acceptance
    letter BLOB NOT NULL            -- what the stranger put into the inbox, unsealed
) STRICT;

CREATE TABLE conversations (
    id BLOB PRIMARY KEY,
    kind INTEGER NOT NULL,          -- 0 account group, 1 one-to-one
    state INTEGER NOT NULL,
    group_id BLOB,
    account BLOB,                   -- the other side
    name TEXT NOT NULL DEFAULT '',
    relay BLOB,
    subscriber_seed BLOB,
    generation INTEGER NOT NULL DEFAULT 0,
    generation_secret BLOB,
    generation_since INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL DEFAULT 0,
    hash BLOB,
    handshakes INTEGER NOT NULL DEFAULT 0,
    refreshed INTEGER NOT NULL DEFAULT 0,
    verified INTEGER NOT NULL DEFAULT 0,
    disputed INTEGER NOT NULL DEFAULT 0,
    contradicted INTEGER NOT NULL DEFAULT 0,
    unread INTEGER NOT NULL DEFAULT 0,
    changed INTEGER NOT NULL,
    mine_delivered INTEGER NOT NULL DEFAULT 0,  -- orders: how far the other side has it
    mine_read INTEGER NOT NULL DEFAULT 0,
    theirs_received INTEGER NOT NULL DEFAULT 0, -- orders: how far this side has it
    theirs_read INTEGER NOT NULL DEFAULT 0,
    receipt_sent INTEGER NOT NULL DEFAULT 0,    -- order up to which receipts went out
    receipt_read_sent INTEGER NOT NULL DEFAULT 0,
    UNIQUE (group_id)
) STRICT;

-- Accepted contacts: who they are and how each side reaches the other's inbox.
CREATE TABLE contacts (
    account BLOB PRIMARY KEY,
    chain BLOB NOT NULL,            -- genesis and signed statements, as verified
    given BLOB,                     -- secret of the writer key given to them for this inbox
    introduction BLOB               -- what they gave
) STRICT;

-- Running hash at every position, to compare with what others have seen; 90 days.
CREATE TABLE entries (
    conversation BLOB NOT NULL,
    generation INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL,
    seen INTEGER NOT NULL,
    unopenable TEXT,                -- why, if it could not be opened
    PRIMARY KEY (conversation, generation, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    id BLOB PRIMARY KEY,
    conversation BLOB NOT NULL,
    ord INTEGER NOT NULL,           -- (generation << 40) + position; queued ones above 1 << 52
    author INTEGER NOT NULL,        -- 0 me, 1 them, 2 the app
    sent INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    body BLOB NOT NULL,
    mls BLOB,                       -- as it crossed the network
    salt BLOB,                      -- with these the envelope can be made once more, to be shown
    append BLOB,
    seen BLOB
) STRICT;
CREATE INDEX messages_in_order ON messages (conversation, ord);

-- What is still to be sent. `body` is filled when it has been encrypted; retries send the same bytes.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation BLOB NOT NULL,
    message BLOB NOT NULL,
    content BLOB NOT NULL,
    shown INTEGER NOT NULL,         -- 1: has a row in messages
    append BLOB UNIQUE,
    body BLOB,
    handshakes INTEGER,
    not_before INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outbox_by_conversation ON outbox (conversation, seq);

-- A commit or fence on its way. Its secrets are destroyed unless exactly it wins.
CREATE TABLE pending_handshakes (
    conversation BLOB PRIMARY KEY,
    append BLOB NOT NULL,
    body BLOB NOT NULL,
    handshakes INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    hash BLOB NOT NULL,
    message BLOB NOT NULL,
    secrets BLOB NOT NULL
) STRICT;

-- Handshakes that are wanted; tried again until one wins.
CREATE TABLE intents (
    conversation BLOB NOT NULL,
    kind INTEGER NOT NULL,          -- 0 refresh (commit with a fresh path), 1 fence, 2 commit of proposals
    PRIMARY KEY (conversation, kind)
) STRICT;

CREATE TABLE mls_groups (
    id BLOB PRIMARY KEY,
    state BLOB NOT NULL,
    tree BLOB NOT NULL,
    tree_epoch INTEGER NOT NULL,
    tree_hash BLOB NOT NULL,
    roster BLOB NOT NULL            -- of the epoch tree_epoch
) STRICT;
CREATE TABLE mls_epochs (
    group_id BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    data BLOB NOT NULL,
    roster BLOB,
    ended INTEGER NOT NULL,
    PRIMARY KEY (group_id, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE key_packages (
    id BLOB PRIMARY KEY,
    data BLOB NOT NULL,
    subscriber BLOB NOT NULL,       -- public
    subscriber_seed BLOB NOT NULL,
    made INTEGER NOT NULL,
    last_resort INTEGER NOT NULL
) STRICT;
