-- What a person has begun to write and not sent; a row only while there is something. A table of
-- its own, because the conversation's row is written in every turn.
CREATE TABLE drafts (
    conversation BLOB PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;

-- When the safety numbers were compared; NULL where they were not, or before this was kept.
ALTER TABLE conversations ADD COLUMN verified_at INTEGER;

-- When the epoch in force began on this device. What an earlier version knew of it: when the epoch
-- before ended, and after a week without a change only when the keys were last renewed from here.
ALTER TABLE mls_groups ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
UPDATE mls_groups SET since = coalesce(
    (SELECT max(ended) FROM mls_epochs WHERE group_id = mls_groups.id),
    (SELECT refreshed FROM conversations WHERE group_id = mls_groups.id),
    0
);
