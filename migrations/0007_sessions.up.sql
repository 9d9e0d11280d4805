CREATE TYPE account_status AS ENUM ('ACTIVE', 'SUSPENDED');

ALTER TABLE accounts
    ADD COLUMN status account_status NOT NULL DEFAULT 'ACTIVE',
    ADD COLUMN email_verified_at timestamptz,
    -- The language of mails, as a tag of BCP 47.
    ADD COLUMN locale text NOT NULL DEFAULT 'en' CHECK (length(locale) BETWEEN 2 AND 35),
    -- Access tokens issued before are refused. A new password, role or status moves it to that moment.
    ADD COLUMN tokens_not_before timestamptz NOT NULL DEFAULT 'epoch';
-- Tokens know only the second of their making, and one that is made after a revocation bears the next second. So the next
-- revocation within that second moves further still, or it would miss that token.
CREATE FUNCTION refuse_tokens(not_before timestamptz, now timestamptz) RETURNS timestamptz IMMUTABLE LANGUAGE sql AS $$
    SELECT greatest(now, date_trunc('second', not_before + interval '999999 microseconds') + interval '1 microsecond')
$$;
-- Every node asks each second what has moved.
CREATE INDEX accounts_not_before_idx ON accounts (tokens_not_before) WHERE tokens_not_before > 'epoch';
CREATE INDEX accounts_role_idx ON accounts (role, id);
-- Administrators look for parts of addresses and names.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX accounts_email_trgm_idx ON accounts USING gin (email gin_trgm_ops);
CREATE INDEX profiles_name_trgm_idx ON profiles USING gin (lower(name) gin_trgm_ops);

-- A sign-in on one device, and all refresh tokens that followed from it.
CREATE TABLE sessions (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    user_agent   text,
    address      inet,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz
);
CREATE INDEX sessions_account_idx ON sessions (account_id);
CREATE INDEX sessions_expires_idx ON sessions (expires_at);

-- Only hashes: whoever reads this table can sign in as nobody. A used token stays until its session goes, because using it
-- again is how a theft shows.
CREATE TABLE refresh_tokens (
    hash       bytea PRIMARY KEY CHECK (length(hash) = 32),
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_session_idx ON refresh_tokens (session_id);

CREATE TYPE one_time_purpose AS ENUM ('VERIFY_EMAIL', 'RESET_PASSWORD');

-- What a link in a mail proves, once.
CREATE TABLE one_time_tokens (
    hash       bytea PRIMARY KEY CHECK (length(hash) = 32),
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    purpose    one_time_purpose NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX one_time_tokens_account_idx ON one_time_tokens (account_id, purpose);
CREATE INDEX one_time_tokens_expires_idx ON one_time_tokens (expires_at);
