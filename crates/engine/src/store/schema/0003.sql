-- How long to wait for an inviter whose own device has not told its relay yet; 0 in openings that an
-- earlier version began, which did not wait.
ALTER TABLE openings ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;
ALTER TABLE openings ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;
