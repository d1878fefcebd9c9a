-- Letters of this device's own: who opens an invite writes one. Its place in the other side's inbox
-- decides between two people who have written to each other; NULL until their relay has said it.
CREATE TABLE letters (
    conversation BLOB PRIMARY KEY,
    position INTEGER
) STRICT;

-- A letter of somebody to whom this device has written itself, in that conversation. It is nobody's
-- request: it waits, unseen, for the place of the own letter.
ALTER TABLE requests ADD COLUMN held BLOB;
