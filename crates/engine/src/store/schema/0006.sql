-- What went wrong inside the program with this conversation, while it is set aside for it.
ALTER TABLE conversations ADD COLUMN trouble TEXT;
