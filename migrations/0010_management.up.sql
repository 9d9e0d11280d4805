-- Revisions: each change of what organizers and admins manage adds one, so that nobody overwrites what they have not seen. Not
-- `quotas.version`, which every booking moves on.
ALTER TABLE events
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    -- When a scheduled event is to be published.
    ADD COLUMN publish_at timestamptz;
ALTER TABLE venues ADD COLUMN revision integer NOT NULL DEFAULT 1;
ALTER TABLE quotas ADD COLUMN revision integer NOT NULL DEFAULT 1;
ALTER TABLE ticket_types ADD COLUMN revision integer NOT NULL DEFAULT 1;
ALTER TABLE tags
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();

-- What is due.
CREATE INDEX events_scheduled_idx ON events (publish_at) WHERE status = 'SCHEDULED';
-- An organizer's list.
CREATE INDEX events_organizer_start_idx ON events (organizer_id, starts_at, id);

-- The kinds of events. `events.category` names one, without a foreign key: a server of the version before knows no kinds.
CREATE TABLE categories (
    slug       text PRIMARY KEY,
    name       text NOT NULL CHECK (length(name) BETWEEN 2 AND 100),
    revision   integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO categories (slug, name)
SELECT slug, initcap(slug) FROM unnest(ARRAY[
    'comedy', 'concert', 'conference', 'dance', 'exhibition', 'family', 'festival', 'film', 'opera', 'sport', 'talk', 'theatre',
    'workshop'
]) AS of (slug)
UNION SELECT category, initcap(category) FROM events WHERE length(category) BETWEEN 2 AND 100;

-- The bookings of a cancelled event are cancelled one after the other, by whichever server holds the lease. What is done is noted
-- with the mails that tell of it, in one transaction.
CREATE TABLE event_cancellations (
    event_id      uuid PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    total         bigint NOT NULL,
    done          bigint NOT NULL DEFAULT 0,
    -- All bookings up to this one are done.
    after_booking uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    lease_until   timestamptz NOT NULL DEFAULT now(),
    started_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz
);
CREATE INDEX event_cancellations_open_idx ON event_cancellations (lease_until) WHERE finished_at IS NULL;

-- Requests that create something, by their Idempotency-Key; for bookings and holds the ledger has its own.
CREATE TABLE request_keys (
    account_id  uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    key         text COLLATE "C" NOT NULL,
    fingerprint uuid NOT NULL,
    -- What it makes; the same in each try, so that no try makes a second one.
    made_id     uuid NOT NULL,
    done        boolean NOT NULL DEFAULT false,
    -- Of the latest try.
    began_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, key)
);

-- Settings that differ from their defaults, which are in the code.
CREATE TABLE settings (
    key        text PRIMARY KEY,
    value      jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE setting_changes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key        text NOT NULL,
    from_value jsonb,
    to_value   jsonb,
    -- Kept when the account is gone.
    account_id uuid NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
-- The revision of all settings together, in the one row that there is.
CREATE TABLE settings_revision (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    revision integer NOT NULL
);
INSERT INTO settings_revision (revision) VALUES (1);
