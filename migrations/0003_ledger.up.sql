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
    event_id        uuid NOT NULL REFERENCES events ON DELETE RESTRICT,
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
    event_id        uuid NOT NULL REFERENCES events ON DELETE RESTRICT,
    account_id      uuid NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    status          booking_status NOT NULL,
    quantity        smallint NOT NULL CHECK (quantity > 0),
    fees            numeric(14, 3) NOT NULL,
    tax             numeric(14, 3) NOT NULL,
    total           numeric(14, 3) NOT NULL,
    currency        char(3) NOT NULL,
    hold_id         uuid REFERENCES holds ON DELETE SET NULL,
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
CREATE INDEX bookings_hold_idx ON bookings (hold_id) WHERE hold_id IS NOT NULL;

-- One row a place. An item's id is its booking's id with position + 1 in the last byte.
CREATE TABLE booking_items (
    booking_id     uuid NOT NULL REFERENCES bookings ON DELETE CASCADE,
    position       smallint NOT NULL CHECK (position BETWEEN 0 AND 99),
    ticket_type_id uuid NOT NULL REFERENCES ticket_types ON DELETE RESTRICT,
    seat_id        uuid REFERENCES seats ON DELETE RESTRICT,
    price          numeric(14, 3) NOT NULL,
    PRIMARY KEY (booking_id, position)
);

-- The live claims on seats, and nothing else: a seat has a row here exactly while it is held or sold. The primary key is
-- the last guard against selling a seat twice. The holder is a hold or a booking.
CREATE TABLE seat_claims (
    event_id  uuid NOT NULL REFERENCES events ON DELETE RESTRICT,
    seat_id   uuid NOT NULL REFERENCES seats ON DELETE RESTRICT,
    holder_id uuid NOT NULL,
    sold      boolean NOT NULL,
    CONSTRAINT seat_claims_pkey PRIMARY KEY (event_id, seat_id)
);
CREATE INDEX seat_claims_seat_idx ON seat_claims (seat_id);
