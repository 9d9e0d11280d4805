-- boxoffice: no-transaction
-- What tells a stolen refresh token from a repeated one, and a device from a stranger; and which sessions ended lately. May be run again.
SET lock_timeout = '5s';

-- The token whose successor it is: successors of one token are siblings, of which one lives. Older ones have none, and no siblings.
ALTER TABLE refresh_tokens ADD COLUMN IF NOT EXISTS parent bytea;
-- Waits of these hold nobody up.
RESET lock_timeout;
DROP INDEX CONCURRENTLY IF EXISTS refresh_tokens_parent_idx;
CREATE INDEX CONCURRENTLY refresh_tokens_parent_idx ON refresh_tokens (parent) WHERE parent IS NOT NULL;

-- Every node asks each second which have ended.
DROP INDEX CONCURRENTLY IF EXISTS sessions_revoked_idx;
CREATE INDEX CONCURRENTLY sessions_revoked_idx ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;

SET lock_timeout = '5s';
-- Where somebody has signed in: the hash of what the browser keeps. Strangers who guess passwords from many networks do not stand in
-- the way of who comes from there. Bounded for each account.
CREATE TABLE IF NOT EXISTS known_devices (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    used_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, hash)
);
RESET lock_timeout;
