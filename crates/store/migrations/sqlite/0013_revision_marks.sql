-- What tells revisions of one number apart: a random text, another one with each change. A database
-- that was put back to an earlier state, or the standby of a server, comes to numbers again that its
-- nodes have seen. Earlier versions raise the number alone, which is a change all the same.
ALTER TABLE control_revision ADD COLUMN mark TEXT NOT NULL DEFAULT '';
