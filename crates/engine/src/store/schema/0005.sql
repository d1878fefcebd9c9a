-- Through which invite the letter went, by its name; NULL where an earlier version wrote it. Who opens
-- another invite of the same account while nobody answers writes once more.
ALTER TABLE letters ADD COLUMN invite BLOB;

-- 0 after this device has accepted somebody, until they have said anything in the group: so long they
-- may not know of it, and write once more.
ALTER TABLE conversations ADD COLUMN answered INTEGER NOT NULL DEFAULT 1;
