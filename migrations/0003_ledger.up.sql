-- The references of the hottest tables are not foreign keys. A foreign key asks and locks once a row, and that was more than
-- half of what a booking cost the database. `ledger_commit` asks and locks once a group instead, with the same locks, and the
-- triggers at the end of this file keep the other side: what is booked can't be deleted.

-- One row a start of a node. The id is the epoch: a node that starts again ends the session of its predecessor.
CREATE TABLE node_sessions (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node       text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    renewed_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz
);
-- A node has one live session.
CREATE UNIQUE INDEX node_sessions_live_idx ON node_sessions (node) WHERE ended_at IS NULL;

-- Which session may write an event's inventory.
CREATE TABLE inventory_owners (
    event_id   uuid PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    session_id integer NOT NULL REFERENCES node_sessions
);
CREATE INDEX inventory_owners_session_idx ON inventory_owners (session_id);

CREATE TYPE hold_status AS ENUM ('ACTIVE', 'CONVERTED', 'RELEASED', 'EXPIRED');

-- A hold lives for minutes and is only ever read whole, so its items are a document, not rows.
CREATE TABLE holds (
    id              uuid PRIMARY KEY,
    event_id        uuid NOT NULL, -- ledger_commit, refuse_deletion_of_event
    account_id      uuid NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    status          hold_status NOT NULL,
    items           jsonb NOT NULL,
    total           numeric(14, 3) NOT NULL,
    currency        char(3) NOT NULL,
    idempotency_key text NOT NULL,
    fingerprint     uuid NOT NULL,
    expires_at      timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT holds_account_key UNIQUE (account_id, idempotency_key)
);
CREATE INDEX holds_active_idx ON holds (event_id) WHERE status = 'ACTIVE';
CREATE INDEX holds_event_idx ON holds (event_id, id);

CREATE TYPE booking_status AS ENUM ('PENDING_PAYMENT', 'CONFIRMED', 'CANCELLED', 'EXPIRED');

CREATE TABLE bookings (
    id              uuid PRIMARY KEY,
    event_id        uuid NOT NULL, -- ledger_commit, refuse_deletion_of_event
    account_id      uuid NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    status          booking_status NOT NULL,
    quantity        smallint NOT NULL CHECK (quantity > 0),
    fees            numeric(14, 3) NOT NULL,
    tax             numeric(14, 3) NOT NULL,
    total           numeric(14, 3) NOT NULL,
    currency        char(3) NOT NULL,
    hold_id         uuid, -- for the record: holds may be swept away when they are old
    idempotency_key text NOT NULL,
    fingerprint     uuid NOT NULL,
    expires_at      timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    -- Also the index of an account's bookings: few enough to be sorted when listed.
    CONSTRAINT bookings_account_key UNIQUE (account_id, idempotency_key)
);
CREATE INDEX bookings_event_idx ON bookings (event_id, id);
CREATE INDEX bookings_pending_idx ON bookings (event_id) WHERE status = 'PENDING_PAYMENT';

-- One row a place. An item's id is its booking's id with position + 1 in the last byte.
CREATE TABLE booking_items (
    booking_id     uuid NOT NULL, -- ledger_commit, delete_items_of_bookings
    position       smallint NOT NULL CHECK (position BETWEEN 0 AND 99),
    ticket_type_id uuid NOT NULL, -- ledger_commit, refuse_deletion_of_ticket_type
    seat_id        uuid, -- seat_claims; a seat map that an event uses is never deleted
    price          numeric(14, 3) NOT NULL,
    PRIMARY KEY (booking_id, position)
);

-- The live claims on seats, and nothing else: a seat has a row here exactly while it is held or sold. The primary key is
-- the last guard against selling a seat twice. The holder is a hold or a booking.
CREATE TABLE seat_claims (
    event_id  uuid NOT NULL, -- ledger_commit, refuse_deletion_of_event
    seat_id   uuid NOT NULL REFERENCES seats ON DELETE RESTRICT,
    holder_id uuid NOT NULL,
    sold      boolean NOT NULL,
    CONSTRAINT seat_claims_pkey PRIMARY KEY (event_id, seat_id)
);
CREATE INDEX seat_claims_seat_idx ON seat_claims (seat_id);

-- The deletion waits for the lock that ledger_commit holds, and looks with a snapshot taken after that.
CREATE FUNCTION refuse_deletion_of_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM bookings WHERE event_id = old.id) OR EXISTS (SELECT FROM holds WHERE event_id = old.id) THEN
        RAISE EXCEPTION 'event % has bookings or holds', old.id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'bookings_event_id';
    END IF;
    RETURN old;
END
$$;
CREATE TRIGGER refuse_deletion_of_event BEFORE DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_deletion_of_event();

CREATE FUNCTION refuse_deletion_of_ticket_type() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM bookings b JOIN booking_items i ON i.booking_id = b.id
        WHERE b.event_id = old.event_id AND i.ticket_type_id = old.id
    ) THEN
        RAISE EXCEPTION 'ticket type % is booked', old.id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'booking_items_ticket_type_id';
    END IF;
    RETURN old;
END
$$;
CREATE TRIGGER refuse_deletion_of_ticket_type BEFORE DELETE ON ticket_types
    FOR EACH ROW EXECUTE FUNCTION refuse_deletion_of_ticket_type();

CREATE FUNCTION delete_items_of_bookings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM booking_items i USING deleted d WHERE i.booking_id = d.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER delete_items_of_bookings AFTER DELETE ON bookings
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION delete_items_of_bookings();
