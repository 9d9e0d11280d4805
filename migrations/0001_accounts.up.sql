CREATE TYPE account_role AS ENUM ('USER', 'ORGANIZER', 'ADMIN');

CREATE TABLE accounts (
    id            uuid PRIMARY KEY,
    email         text NOT NULL CONSTRAINT accounts_email_key UNIQUE CHECK (email = lower(email)),
    password_hash text NOT NULL,
    role          account_role NOT NULL DEFAULT 'USER',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

-- One to one: what a person tells of themselves, apart from what signs them in.
CREATE TABLE profiles (
    account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    name       text NOT NULL CHECK (length(name) BETWEEN 2 AND 100),
    phone      text,
    updated_at timestamptz NOT NULL DEFAULT now()
);
