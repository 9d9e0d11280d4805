-- People: who they are, how they sign in. And before them the functions by which everything is compared that people type.

DO $$
DECLARE
    missing text;
BEGIN
    SELECT string_agg(name, ', ') INTO missing FROM unnest(ARRAY['pg_trgm', 'unaccent']) AS wanted (name)
    WHERE name NOT IN (SELECT a.name FROM pg_available_extensions a);
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'this PostgreSQL lacks %: install its contrib modules (Debian: postgresql-contrib), then migrate again', missing
            USING ERRCODE = 'feature_not_supported';
    END IF;
END
$$;
-- Both are trusted: the owner of the database may make them.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;

-- Composed (NFKC), without accents and in lower case: how everything is compared that people type. Immutable as long as nobody edits
-- the rules of `unaccent` on the server; who does, reindexes.
CREATE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(unaccent('unaccent'::regdictionary, normalize($1, NFKC)));

-- The pattern of `LIKE` that finds a part of a folded text, whatever is in it.
CREATE FUNCTION part_pattern(typed text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN '%' || replace(replace(replace(fold(typed), '\', '\\'), '%', '\%'), '_', '\_') || '%';

CREATE TYPE account_role AS ENUM ('USER', 'ORGANIZER', 'ADMIN');
CREATE TYPE account_status AS ENUM ('ACTIVE', 'SUSPENDED');

-- What signs a person in, and what they may do.
CREATE TABLE accounts (
    id                uuid PRIMARY KEY,
    email             text NOT NULL CONSTRAINT accounts_email_key UNIQUE CHECK (email = lower(email)),
    password_hash     text NOT NULL,
    role              account_role NOT NULL DEFAULT 'USER',
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    status            account_status NOT NULL DEFAULT 'ACTIVE',
    -- NULL: nobody has shown yet that the address is theirs.
    email_verified_at timestamptz,
    -- The language of mails, as a tag of BCP 47.
    locale            text NOT NULL DEFAULT 'en' CHECK (length(locale) BETWEEN 2 AND 35),
    -- Access tokens issued before are refused. A new password, role or status moves it to that moment (`refuse_tokens`).
    tokens_not_before timestamptz NOT NULL DEFAULT 'epoch',
    -- Each change of the account or its profile adds one, so that nobody overwrites what they have not seen.
    revision          integer NOT NULL DEFAULT 1
);
-- Every node asks each second what has moved.
CREATE INDEX accounts_not_before_idx ON accounts (tokens_not_before) WHERE tokens_not_before > 'epoch';
CREATE INDEX accounts_role_idx ON accounts (role, id);
-- The few that are suspended, or have not shown that an address is theirs, among all.
CREATE INDEX accounts_status_idx ON accounts (status, id);
CREATE INDEX accounts_unverified_idx ON accounts (id) WHERE email_verified_at IS NULL;
-- Administrators look for parts of addresses and names.
CREATE INDEX accounts_email_fold_idx ON accounts USING gin (fold(email) gin_trgm_ops);

-- The value that `tokens_not_before` moves to. Tokens know only the second of their making, and one that is made after a revocation
-- bears the next second. So the next revocation within that second moves further still, or it would miss that token.
CREATE FUNCTION refuse_tokens(not_before timestamptz, now timestamptz) RETURNS timestamptz IMMUTABLE LANGUAGE sql AS $$
    SELECT greatest(now, date_trunc('second', not_before + interval '999999 microseconds') + interval '1 microsecond')
$$;

-- One to one: what a person tells of themselves, apart from what signs them in.
CREATE TABLE profiles (
    account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    name       text NOT NULL CHECK (length(name) BETWEEN 2 AND 100),
    phone      text,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX profiles_name_fold_idx ON profiles USING gin (fold(name) gin_trgm_ops);

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
-- Every node asks each second which have ended.
CREATE INDEX sessions_revoked_idx ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;

-- Only hashes: whoever reads this table can sign in as nobody. A used token stays until its session goes, because using it
-- again is how a theft shows.
CREATE TABLE refresh_tokens (
    hash        bytea PRIMARY KEY CHECK (length(hash) = 32),
    session_id  uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    issued_at   timestamptz NOT NULL,
    used_at     timestamptz,
    -- The token whose successor it is: successors of one token are siblings, of which one lives. NULL: the first of its session.
    parent_hash bytea
);
CREATE INDEX refresh_tokens_session_idx ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_parent_idx ON refresh_tokens (parent_hash) WHERE parent_hash IS NOT NULL;

CREATE TYPE one_time_purpose AS ENUM ('VERIFY_EMAIL', 'RESET_PASSWORD');

-- What a link in a mail proves, once. Deleted when it is used.
CREATE TABLE one_time_tokens (
    hash       bytea PRIMARY KEY CHECK (length(hash) = 32),
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    purpose    one_time_purpose NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX one_time_tokens_account_idx ON one_time_tokens (account_id, purpose);
CREATE INDEX one_time_tokens_expires_idx ON one_time_tokens (expires_at);

-- Where somebody has signed in: the hash of what the browser keeps. Strangers who guess passwords from many networks do not stand in
-- the way of who comes from there. Bounded for each account.
CREATE TABLE known_devices (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    used_at    timestamptz NOT NULL,
    PRIMARY KEY (account_id, hash)
);
