-- Letters of this device's own: who opens an invite writes one. Its place in the other side's inbox
-- decides between two people who have written to each other; NULL until their relay has said it.
CREATE TABLE letters (
    conversation BLOB PRIMARY KEY,
    position INTEGER
) STRICT;

-- A letter of somebody to whom this device has written itself, in that conversation. It is nobody's
-- request: it waits, unseen, for the place of the own letter.
ALTER TABLE requests ADD COLUMN held BLOB;

-- What is left of an invite that has ended: it opens letters of people to whom this device has
-- written itself, who may have written through that invite before they could know.
ALTER TABLE invites ADD COLUMN psk BLOB;
