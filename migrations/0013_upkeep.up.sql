-- A revision for accounts, as all else that several people change has one: each change of an account or its profile adds one. A
-- server of the version before shows other tags and adds nothing; a client that meets both reads the account once more.
ALTER TABLE accounts ADD COLUMN revision integer NOT NULL DEFAULT 1;

-- Keys of requests that are old enough to be forgotten.
CREATE INDEX request_keys_began_idx ON request_keys (began_at);
