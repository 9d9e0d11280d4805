-- Who has which place. The ledger is written by one function, `ledger_commit`, and guarded by triggers.
--
-- The references of the hottest tables are not foreign keys. A foreign key asks and locks once a row, and that was more than half of
-- what a booking cost the database. `ledger_commit` asks once a group instead, and the triggers below keep the other side: what is
-- booked can't be deleted.

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
    event_id        uuid PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    node_session_id integer NOT NULL REFERENCES node_sessions
);
CREATE INDEX inventory_owners_node_session_idx ON inventory_owners (node_session_id);

CREATE TYPE hold_kind AS ENUM ('HOLD', 'BLOCK');
CREATE TYPE hold_status AS ENUM ('ACTIVE', 'CONVERTED', 'RELEASED', 'EXPIRED');

-- Places that are kept: by a buyer for some minutes, or by an organizer, as a block, until they are given free. A hold is only ever read
-- whole, so its items are a document, not rows.
CREATE TABLE holds (
    id              uuid PRIMARY KEY,
    event_id        uuid NOT NULL, -- ledger_commit, refuse_deletion_of_event
    account_id      uuid NOT NULL, -- ledger_commit, refuse_deletion_of_account
    status          hold_status NOT NULL,
    kind            hold_kind NOT NULL DEFAULT 'HOLD',
    -- An array of ticket_type_id, quota_id, price, of a seat seat_id, and discount, fee and tax where they are not 0: as of booking_items.
    items           jsonb NOT NULL,
    -- Whether the taxes are contained in the total.
    tax_included    boolean NOT NULL DEFAULT true,
    -- What the booking that it becomes costs.
    total           numeric(14, 3) NOT NULL,
    currency        char(3) NOT NULL,
    promo_code_id   uuid, -- ledger_money: what was ever used goes with its event only
    -- Compared byte by byte; a locale's rules cost more and order nothing that anybody reads.
    idempotency_key text COLLATE "C" NOT NULL,
    -- What the request asked for, so that another request under its key is told from a repetition.
    fingerprint     uuid NOT NULL,
    -- The first instant at which it keeps nothing any more, unless it was extended. NULL: a block, which has none.
    expires_at      timestamptz,
    -- The same since it was extended.
    extended_until  timestamptz,
    created_at      timestamptz NOT NULL,
    -- When its status last changed.
    updated_at      timestamptz NOT NULL,
    CONSTRAINT holds_account_key UNIQUE (account_id, idempotency_key),
    CONSTRAINT holds_kind_check CHECK ((kind = 'BLOCK') = (expires_at IS NULL))
);
CREATE INDEX holds_active_idx ON holds (event_id) WHERE status = 'ACTIVE';

CREATE TYPE booking_status AS ENUM ('PENDING_PAYMENT', 'CONFIRMED', 'CANCELLED', 'EXPIRED');

-- Places that an account has, or is about to pay for.
--
-- The answer to the request that made a booking is not stored; it follows from rows, whatever has become of the booking since:
--   status      CONFIRMED if the total is 0, otherwise PENDING_PAYMENT; of each item the same
--   updatedAt   created_at
--   expiresAt   expires_at
--   places      those of booking_items and cancelled_items
--   seats, prices, codes and attendees never change, and nor do the words of a seat: `seats` of the version that has it first
--   refunded    0
--   names       of the event, its venue and its ticket types: those in the first row of `former_names` whose `until` is later than
--               created_at, otherwise the present ones
-- The same of a hold: status ACTIVE, updatedAt created_at.
CREATE TABLE bookings (
    id              uuid PRIMARY KEY,
    event_id        uuid NOT NULL, -- ledger_commit, refuse_deletion_of_event
    account_id      uuid NOT NULL, -- ledger_commit, refuse_deletion_of_account
    status          booking_status NOT NULL,
    -- Of its items, without those that were cancelled one by one.
    quantity        smallint NOT NULL CHECK (quantity > 0),
    -- Whether the tax is contained in the total, or was added to it.
    tax_included    boolean NOT NULL DEFAULT true,
    -- Taken off the items' prices. NULL: nothing.
    discount        numeric(14, 3),
    -- On top of the items' prices.
    fees            numeric(14, 3) NOT NULL,
    tax             numeric(14, 3) NOT NULL,
    -- What is to be paid. It and all that it is made of stay as they were charged, whatever is cancelled.
    total           numeric(14, 3) NOT NULL,
    currency        char(3) NOT NULL,
    promo_code_id   uuid, -- ledger_money: what was ever used goes with its event only
    hold_id         uuid, -- for the record: holds are swept away when they are old
    idempotency_key text COLLATE "C" NOT NULL,
    -- As of holds.
    fingerprint     uuid NOT NULL,
    -- Until when it waits for its payment, unless it was given more time. NULL: it was free, and confirmed at once.
    expires_at      timestamptz,
    -- The same since it was given more time.
    extended_until  timestamptz,
    created_at      timestamptz NOT NULL,
    -- When its status last changed.
    updated_at      timestamptz NOT NULL,
    -- Also the index of an account's bookings: few enough to be sorted when listed.
    CONSTRAINT bookings_account_key UNIQUE (account_id, idempotency_key)
);
CREATE INDEX bookings_event_idx ON bookings (event_id, id);
CREATE INDEX bookings_pending_idx ON bookings (event_id) WHERE status = 'PENDING_PAYMENT';
-- How often each account has used a code.
CREATE INDEX bookings_promo_code_idx ON bookings (promo_code_id, account_id) WHERE promo_code_id IS NOT NULL;

-- One row a place. An item's id is its booking's id with position + 1 in the last byte.
CREATE TABLE booking_items (
    booking_id     uuid NOT NULL, -- ledger_commit, delete_items_of_bookings
    position       smallint NOT NULL CHECK (position BETWEEN 0 AND 99),
    ticket_type_id uuid NOT NULL, -- ledger_commit, refuse_deletion_of_ticket_type
    seat_id        uuid, -- its id for everybody (see `sections`); the seats of a map that an event uses are never deleted
    -- What its ticket type cost when it was booked.
    price          numeric(14, 3) NOT NULL,
    -- What the promo code took off it, its part of all fees, and its tax, which is on top or contained in the rest, as the booking says.
    -- NULL: nothing.
    discount       numeric(14, 3),
    fee            numeric(14, 3),
    tax            numeric(14, 3),
    PRIMARY KEY (booking_id, position)
);

-- The items that were cancelled one by one, of bookings that keep others. An item is here or in `booking_items`: whoever counts what is
-- sold counts there. A booking that is cancelled as a whole keeps its items there.
CREATE TABLE cancelled_items (
    booking_id     uuid NOT NULL, -- ledger_commit, delete_items_of_bookings
    position       smallint NOT NULL CHECK (position BETWEEN 0 AND 99),
    ticket_type_id uuid NOT NULL, -- ledger_commit, refuse_deletion_of_ticket_type
    seat_id        uuid,
    price          numeric(14, 3) NOT NULL,
    discount       numeric(14, 3),
    fee            numeric(14, 3),
    tax            numeric(14, 3),
    cancelled_at   timestamptz NOT NULL,
    PRIMARY KEY (booking_id, position)
);

-- The live claims on seats, and nothing else: a seat has a row here exactly while it is held or sold. The primary key is
-- the last guard against selling a seat twice.
CREATE TABLE seat_claims (
    event_id  uuid NOT NULL, -- ledger_commit, refuse_deletion_of_event
    seat_id   uuid NOT NULL, -- refuse_deletion_of_seats
    -- A hold or a booking.
    holder_id uuid NOT NULL,
    sold      boolean NOT NULL,
    CONSTRAINT seat_claims_pkey PRIMARY KEY (event_id, seat_id)
);

CREATE FUNCTION delete_items_of_bookings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM booking_items i USING deleted d WHERE i.booking_id = d.id;
    DELETE FROM cancelled_items i USING deleted d WHERE i.booking_id = d.id;
    DELETE FROM attendees a USING deleted d WHERE a.booking_id = d.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER delete_items_of_bookings AFTER DELETE ON bookings
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION delete_items_of_bookings();

-- What is referred to is not deleted.

-- When a statement of a trigger is to see what was committed while it waited, each must have a snapshot of its own.
CREATE FUNCTION require_read_committed() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'what bookings refer to is deleted in READ COMMITTED only'
            USING HINT = 'A snapshot taken before the wait does not show what was booked meanwhile.';
    END IF;
END
$$;

-- An account has no row that each of its bookings changes. So whoever deletes one waits for all commits in flight, and keeps further ones
-- waiting until the deletion is through.
CREATE FUNCTION refuse_deletion_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_read_committed();
    PERFORM pg_advisory_xact_lock(2, 0);
    IF EXISTS (SELECT FROM bookings WHERE account_id = old.id) OR EXISTS (SELECT FROM holds WHERE account_id = old.id) THEN
        RAISE EXCEPTION 'account % has bookings or holds', old.id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'bookings_account_id';
    END IF;
    RETURN old;
END
$$;
CREATE TRIGGER refuse_deletion_of_account BEFORE DELETE ON accounts
    FOR EACH ROW EXECUTE FUNCTION refuse_deletion_of_account();

-- The quotas' locks wait for the commits under way, and the deletion takes the quotas along, so whatever else was decided is stale.
CREATE FUNCTION refuse_deletion_of_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_read_committed();
    PERFORM FROM quotas WHERE event_id = old.id ORDER BY id FOR UPDATE;
    IF EXISTS (SELECT FROM bookings WHERE event_id = old.id)
        OR EXISTS (SELECT FROM holds WHERE event_id = old.id AND status = 'ACTIVE')
    THEN
        RAISE EXCEPTION 'event % has bookings or holds', old.id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'bookings_event_id';
    END IF;
    -- Holds that are over are kept for a while and name seats of its map.
    IF old.seat_map_version_id IS NOT NULL AND EXISTS (SELECT FROM ticket_types WHERE event_id = old.id AND ever_taken) THEN
        UPDATE seat_maps SET seats_named_at = now()
        WHERE id = (SELECT seat_map_id FROM seat_map_versions WHERE id = old.seat_map_version_id);
    END IF;
    -- The event's ticket types go with it, and before the quotas that they refer to: the order of cascades is not ours to choose.
    PERFORM set_config('boxoffice.deleted_event', old.id::text, true);
    DELETE FROM ticket_types WHERE event_id = old.id;
    RETURN old;
END
$$;
CREATE TRIGGER refuse_deletion_of_event BEFORE DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_deletion_of_event();

-- A ticket type of which something was ever taken goes with its event only. `ledger_commit` sets the column before it refers to the
-- type, and both lock its row: one of the two sees the other.
CREATE FUNCTION refuse_deletion_of_ticket_type() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.ever_taken AND current_setting('boxoffice.deleted_event', true) IS DISTINCT FROM old.event_id::text THEN
        RAISE EXCEPTION 'places of ticket type % were taken', old.id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'booking_items_ticket_type_id';
    END IF;
    RETURN old;
END
$$;
CREATE TRIGGER refuse_deletion_of_ticket_type BEFORE DELETE ON ticket_types
    FOR EACH ROW EXECUTE FUNCTION refuse_deletion_of_ticket_type();

-- Seats are claimed only under an event that uses their map, and an event can't leave a map while it has claims: so the lock of the
-- map's versions, which an event takes that begins to use one, is enough. Seats are deleted many at a time, so this asks once a
-- statement; on all three tables, because a cascade has lost the way up from its seats to their map.
CREATE FUNCTION refuse_deletion_of_seats() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    versions uuid[];
BEGIN
    PERFORM require_read_committed();
    IF TG_TABLE_NAME = 'sections' THEN
        SELECT array_agg(DISTINCT seat_map_version_id) INTO versions FROM deleted;
    ELSIF TG_TABLE_NAME = 'seat_rows' THEN
        SELECT array_agg(DISTINCT c.seat_map_version_id) INTO versions FROM deleted d JOIN sections c ON c.id = d.section_id;
    ELSE
        SELECT array_agg(DISTINCT c.seat_map_version_id) INTO versions
        FROM deleted d JOIN seat_rows r ON r.id = d.row_id JOIN sections c ON c.id = r.section_id;
    END IF;
    -- A seat's words are those of the first version that has it, also for events that sell a later one.
    SELECT array_agg(id) INTO versions FROM seat_map_versions WHERE seat_map_id IN (
        SELECT seat_map_id FROM seat_map_versions WHERE id = ANY (versions)
    );
    PERFORM FROM seat_map_versions WHERE id = ANY (versions) ORDER BY id FOR UPDATE;
    IF EXISTS (SELECT FROM events WHERE seat_map_version_id = ANY (versions)) THEN
        RAISE EXCEPTION 'seats of a seat map that an event uses are not deleted'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'seat_claims_seat_id';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER refuse_deletion_of_seats AFTER DELETE ON seats
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION refuse_deletion_of_seats();
CREATE TRIGGER refuse_deletion_of_seats AFTER DELETE ON seat_rows
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION refuse_deletion_of_seats();
CREATE TRIGGER refuse_deletion_of_seats AFTER DELETE ON sections
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION refuse_deletion_of_seats();

-- What was ever taken stays where it is counted.

-- An item draws on the quota of its ticket type, so a type of which something was taken keeps its quota.
CREATE FUNCTION refuse_change_of_taken_type() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'places of ticket type % were taken: it stays with its event and its quota', old.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ticket_types_taken_check';
END
$$;
CREATE TRIGGER refuse_change_of_taken_type BEFORE UPDATE OF quota_id, event_id, ever_taken ON ticket_types
    FOR EACH ROW WHEN (old.ever_taken AND
        (new.quota_id <> old.quota_id OR new.event_id <> old.event_id OR NOT new.ever_taken))
    EXECUTE FUNCTION refuse_change_of_taken_type();

-- Another version of the same map has the same seats; another map has none of them.
CREATE FUNCTION refuse_change_of_taken_map() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT seat_map_id FROM seat_map_versions WHERE id = old.seat_map_version_id)
            IS DISTINCT FROM (SELECT seat_map_id FROM seat_map_versions WHERE id = new.seat_map_version_id)
        AND (EXISTS (SELECT FROM seat_claims WHERE event_id = old.id)
            OR EXISTS (SELECT FROM ticket_types WHERE event_id = old.id AND ever_taken))
    THEN
        RAISE EXCEPTION 'places of event % were taken: it stays with its seat map', old.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'events_taken_map_check';
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER refuse_change_of_taken_map BEFORE UPDATE OF seat_map_version_id ON events
    FOR EACH ROW WHEN (old.seat_map_version_id IS DISTINCT FROM new.seat_map_version_id) EXECUTE FUNCTION refuse_change_of_taken_map();

-- The sections of a ticket type of which something was taken stay as well.
CREATE FUNCTION refuse_sections_for_taken_types() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    taken uuid;
BEGIN
    SELECT t.id INTO taken FROM added a JOIN ticket_types t ON t.id = a.ticket_type_id WHERE t.ever_taken LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'places of ticket type % were taken: it gets no other sections', taken
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ticket_type_sections_taken_check';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER refuse_sections_for_taken_types_insert AFTER INSERT ON ticket_type_sections REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_sections_for_taken_types();
CREATE FUNCTION refuse_exchange_of_taken_sections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ticket_types WHERE id IN (old.ticket_type_id, new.ticket_type_id) AND ever_taken) THEN
        RAISE EXCEPTION 'places of ticket type % were taken: it keeps its sections', old.ticket_type_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ticket_type_sections_taken_check';
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER refuse_exchange_of_taken_sections BEFORE UPDATE ON ticket_type_sections
    FOR EACH ROW WHEN (new IS DISTINCT FROM old) EXECUTE FUNCTION refuse_exchange_of_taken_sections();

-- But for those that the event's map does not have any more. That is known at the end only: the event may be about to move on.
CREATE FUNCTION refuse_loss_of_taken_sections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM ticket_types t JOIN events e ON e.id = t.event_id JOIN sections s ON s.seat_map_version_id = e.seat_map_version_id
        WHERE t.id = old.ticket_type_id AND t.ever_taken AND coalesce(s.first_id, s.id) = old.section_id
            AND NOT EXISTS (SELECT FROM ticket_type_sections x
                            WHERE x.ticket_type_id = old.ticket_type_id AND x.section_id = old.section_id)
    ) THEN
        RAISE EXCEPTION 'places of ticket type % were taken: it keeps its sections', old.ticket_type_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ticket_type_sections_taken_check';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER refuse_loss_of_taken_sections AFTER DELETE ON ticket_type_sections
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_loss_of_taken_sections();

-- What `ledger_commit` is told, a row each. Statuses and kinds are texts: enumerations have another number in each database, and who sends
-- a row says the number of each field's type.

-- What a batch adds to one quota, decided on this version of it.
CREATE TYPE ledger_quota AS (event_id uuid, id uuid, version bigint, held integer, sold integer);
-- New holds and blocks.
CREATE TYPE ledger_hold AS (
    id uuid, event_id uuid, account_id uuid, kind text, items jsonb, tax_included boolean, total numeric, currency text,
    promo_code_id uuid, idempotency_key text, fingerprint uuid, expires_at timestamptz, created_at timestamptz
);
-- New bookings, and their items.
CREATE TYPE ledger_booking AS (
    id uuid, event_id uuid, account_id uuid, status text, quantity smallint, tax_included boolean, discount numeric, fees numeric,
    tax numeric, total numeric, currency text, promo_code_id uuid, hold_id uuid, idempotency_key text, fingerprint uuid, expires_at timestamptz, created_at timestamptz
);
CREATE TYPE ledger_item AS (
    booking_id uuid, position smallint, ticket_type_id uuid, seat_id uuid, price numeric, discount numeric, fee numeric, tax numeric
);
-- A hold or a booking that changes its status, or is given more time. Of a booking also how many places it was believed to have: that is
-- all that tells of an item which was cancelled since it was read.
CREATE TYPE ledger_change AS (id uuid, former text, status text, places smallint, extended_until timestamptz, at timestamptz);
-- A place of a booking that is cancelled, and others of it are not.
CREATE TYPE ledger_cancelled_item AS (booking_id uuid, position smallint, at timestamptz);
-- A seat that passes from one holder to another: NULL is nobody.
CREATE TYPE ledger_claim AS (event_id uuid, seat_id uuid, former_holder_id uuid, holder_id uuid, sold boolean);

-- What a group of decisions does beside places, called by `ledger_commit` in its last step, when all that the decisions change is locked: so
-- whoever locks a payment and also a booking, a quota or a promo code locks the payment after the booking, and the code last.
--
-- An object of arrays, each of which may be missing; see `store/src/postgres/ledger/money.rs`.
--   paid           payments that pay their bookings
--   settled        bookings that wait for no payment any more: what may still be open of their attempts is closed
--   cancellations  with their refunds
--   codes          how uses of promo codes change
--   attendees, jobs
CREATE FUNCTION ledger_money(p_money jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    c record;
    paying uuid;
    gone numeric;
    n bigint;
BEGIN
    IF p_money ? 'paid' THEN
        UPDATE payments p SET state = 'SUCCEEDED', pays_booking = true, failure_code = NULL, failure_message = NULL, updated_at = w.at
        FROM jsonb_to_recordset(p_money -> 'paid') AS w (payment_id uuid, booking_id uuid, at timestamptz)
        WHERE p.id = w.payment_id AND p.booking_id = w.booking_id AND p.state <> 'SUCCEEDED';
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> jsonb_array_length(p_money -> 'paid') THEN
            RAISE EXCEPTION 'a payment has come already' USING ERRCODE = 'BX004';
        END IF;
    END IF;

    -- An attempt that waits for its payer is ended by nothing else. One that is in progress is ended by a cancellation only: what was begun
    -- in time may pay late. By id and not by place, because its state may change while its lock is waited for: see `PaymentState::on`.
    IF p_money ? 'settled' THEN
        WITH ended AS (
            UPDATE payments p SET state = 'CANCELLED', updated_at = w.at
            FROM jsonb_to_recordset(p_money -> 'settled') AS w (booking_id uuid, is_cancelled boolean, job_id uuid, at timestamptz)
                 CROSS JOIN LATERAL (
                     SELECT id FROM payments s
                     WHERE s.booking_id = w.booking_id AND s.state IN ('STARTED', 'REQUIRES_ACTION', 'PROCESSING') OFFSET 0
                 ) AS f (id)
            WHERE p.id = f.id AND (p.state = 'REQUIRES_ACTION' OR (w.is_cancelled AND p.state IN ('STARTED', 'PROCESSING')))
            RETURNING p.id, p.provider, w.job_id
        )
        INSERT INTO jobs (id, kind, key, payload)
        SELECT job_id, 'close_payment', 'payment:' || id, jsonb_build_object('kind', 'close_payment', 'payment_id', id)
        FROM ended WHERE provider <> 'manual';
    END IF;

    FOR c IN
        SELECT * FROM jsonb_to_recordset(p_money -> 'cancellations') AS w (
            id uuid, booking_id uuid, event_id uuid, positions smallint[], kept numeric, cut numeric, currency text, reason text,
            account_id uuid, idempotency_key text, fingerprint uuid, at timestamptz, gone_before numeric,
            refund_id uuid, payment_id uuid, amount numeric, cause text, refund_reason text
        )
    LOOP
        -- Refunds of a payment are made under its lock.
        SELECT id INTO paying FROM payments WHERE booking_id = c.booking_id AND pays_booking FOR NO KEY UPDATE;
        gone := gone_of_payment(paying);
        IF gone <> c.gone_before OR (c.refund_id IS NOT NULL AND c.payment_id IS DISTINCT FROM paying) THEN
            RAISE EXCEPTION 'refunds of booking % have changed', c.booking_id USING ERRCODE = 'BX004';
        END IF;
        INSERT INTO cancellations (id, booking_id, event_id, positions, kept, cut, currency, reason, account_id, idempotency_key,
                                   fingerprint, created_at)
        VALUES (c.id, c.booking_id, c.event_id, c.positions, c.kept, c.cut, c.currency, c.reason, c.account_id, c.idempotency_key,
                c.fingerprint, c.at);
        IF c.refund_id IS NOT NULL THEN
            INSERT INTO refunds (id, booking_id, event_id, payment_id, amount, currency, cause, reason, cancellation_id, by_hand,
                                 account_id, created_at, updated_at)
            SELECT c.refund_id, c.booking_id, c.event_id, id, c.amount, c.currency, c.cause, c.refund_reason, c.id,
                   provider = 'manual', c.account_id, c.at, c.at
            FROM payments WHERE id = c.payment_id;
        END IF;
    END LOOP;

    IF p_money ? 'attendees' THEN
        INSERT INTO attendees (booking_id, position, name, email)
        SELECT * FROM jsonb_to_recordset(p_money -> 'attendees') AS w (booking_id uuid, position smallint, name text, email text);
    END IF;
    IF p_money ? 'jobs' THEN
        INSERT INTO jobs (id, kind, key, payload)
        SELECT * FROM jsonb_to_recordset(p_money -> 'jobs') AS w (id uuid, kind text, key text, payload jsonb);
    END IF;

    -- The check of the table is the last guard against using a code too often.
    IF p_money ? 'codes' THEN
        UPDATE promo_codes p SET used = p.used + w.delta, ever_used = true
        FROM jsonb_to_recordset(p_money -> 'codes') AS w (id uuid, delta integer) WHERE p.id = w.id;
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> jsonb_array_length(p_money -> 'codes') THEN
            RAISE EXCEPTION 'a promo code does not exist'
                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'bookings_promo_code_id';
        END IF;
    END IF;
END
$$;

-- Writes a group of decisions in one round trip, all or nothing. Each step counts its rows: what memory believed and the
-- ledger does not confirm fails the whole call, so that no transaction ever commits half a belief.
--
-- BX001  the session has ended            -> the node must stop
-- BX002  a quota has another version      -> the event's memory is stale; DETAIL is the event
-- BX003  what should be changed is not as it should be
-- BX004  payments are not as they should be, which says nothing about places
CREATE FUNCTION ledger_commit(
    p_session integer, p_quotas ledger_quota[], p_holds ledger_hold[], p_changed_holds ledger_change[], p_bookings ledger_booking[],
    p_items ledger_item[], p_changed_bookings ledger_change[], p_cancelled_items ledger_cancelled_item[], p_freed ledger_claim[],
    p_moved ledger_claim[], p_taken ledger_claim[], p_money jsonb
) RETURNS void
LANGUAGE plpgsql
-- Plans are made once a connection, perhaps when the tables are empty, and reading all of a table with every group seems cheap
-- then. Each step is to be a look-up by key for each element, however large the tables become: so other ways are closed, and
-- OFFSET 0 keeps each look-up inside of its element's turn. A row that somebody else holds is told soon, so that the group goes on
-- without the event that it belongs to.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET lock_timeout = '200ms'
AS $$
DECLARE
    stale uuid;
    untaken uuid[];
    is_first boolean;
    n bigint;
BEGIN
    -- The fence. Whoever ends a session takes this lock exclusively first: it waits for the commits in flight, and every
    -- later one sees the end, because each statement here has a snapshot of its own.
    PERFORM pg_advisory_xact_lock_shared(1, p_session);
    PERFORM FROM node_sessions WHERE id = p_session AND ended_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'session % has ended', p_session USING ERRCODE = 'BX001';
    END IF;

    -- What foreign keys would ask and lock once a row. Whoever deletes an account takes this lock exclusively first. Events and seats
    -- need no question: an event's quotas go with it, which makes its batch stale, and the seats of a map that an event uses are never
    -- deleted.
    PERFORM pg_advisory_xact_lock_shared(2, 0);
    IF EXISTS (
        SELECT FROM (SELECT account_id FROM unnest(p_bookings) UNION ALL SELECT account_id FROM unnest(p_holds)) AS w (id)
        WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.id = w.id)
    ) THEN
        RAISE EXCEPTION 'an account does not exist'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'bookings_account_id';
    END IF;

    -- Changes before it counts: that something is not open any more is then told as such, and not by counters that would fall below 0.
    IF cardinality(p_changed_holds) > 0 THEN
        UPDATE holds h SET status = t.status::hold_status, updated_at = t.at,
            extended_until = coalesce(t.extended_until, h.extended_until)
        FROM unnest(p_changed_holds) AS t CROSS JOIN LATERAL (SELECT ctid FROM holds WHERE id = t.id OFFSET 0) AS f (place)
        WHERE h.ctid = f.place AND h.status = t.former::hold_status;
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> cardinality(p_changed_holds) THEN
            RAISE EXCEPTION 'a hold is not active any more' USING ERRCODE = 'BX003';
        END IF;
    END IF;
    IF cardinality(p_changed_bookings) > 0 THEN
        UPDATE bookings b SET status = t.status::booking_status, updated_at = t.at,
            extended_until = coalesce(t.extended_until, b.extended_until)
        FROM unnest(p_changed_bookings) AS t CROSS JOIN LATERAL (SELECT ctid FROM bookings WHERE id = t.id OFFSET 0) AS f (place)
        WHERE b.ctid = f.place AND b.status = t.former::booking_status AND b.quantity = t.places;
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> cardinality(p_changed_bookings) THEN
            RAISE EXCEPTION 'a booking is not open any more' USING ERRCODE = 'BX003';
        END IF;
    END IF;

    IF cardinality(p_cancelled_items) > 0 THEN
        WITH gone AS (
            DELETE FROM booking_items i
            USING unnest(p_cancelled_items) AS t
                  CROSS JOIN LATERAL (
                      SELECT ctid FROM booking_items s WHERE s.booking_id = t.booking_id AND s.position = t.position OFFSET 0
                  ) AS f (place)
            WHERE i.ctid = f.place
            RETURNING i.*, t.at
        ), kept AS (
            INSERT INTO cancelled_items (booking_id, position, ticket_type_id, seat_id, price, discount, fee, tax, cancelled_at)
            SELECT * FROM gone
            RETURNING booking_id
        ), reduced AS (
            UPDATE bookings b SET quantity = b.quantity - k.n
            FROM (SELECT booking_id, count(*)::smallint AS n FROM kept GROUP BY booking_id) AS k WHERE b.id = k.booking_id
        )
        SELECT count(*) INTO n FROM kept;
        IF n <> cardinality(p_cancelled_items) THEN
            RAISE EXCEPTION 'an item is cancelled already' USING ERRCODE = 'BX003';
        END IF;
    END IF;

    -- Only the first group of a type notes that it was taken; all others ask no more than whether it is noted. They ask before anything
    -- is counted, which costs less than afterwards: a seventh of the time of a booking that commits alone. And they may: what is noted
    -- stays so, and such a type goes with its event only.
    is_first := EXISTS (
        SELECT FROM (SELECT DISTINCT ticket_type_id FROM unnest(p_items)) AS w (id)
        WHERE NOT EXISTS (SELECT FROM ticket_types t WHERE t.id = w.id AND t.ever_taken)
    );
    IF NOT is_first AND cardinality(p_holds) > 0 THEN
        is_first := EXISTS (
            SELECT FROM (SELECT DISTINCT (item ->> 'ticket_type_id')::uuid
                         FROM unnest(p_holds) AS h, jsonb_array_elements(h.items) AS item) AS w (id)
            WHERE NOT EXISTS (SELECT FROM ticket_types t WHERE t.id = w.id AND t.ever_taken)
        );
    END IF;

    -- An update changes a row once, however many changes name it.
    IF cardinality(p_quotas) <> (SELECT count(DISTINCT id) FROM unnest(p_quotas)) THEN
        RAISE EXCEPTION 'a quota is named twice';
    END IF;
    WITH changed AS (
        UPDATE quotas q
        SET held = q.held + w.held, sold = q.sold + w.sold, version = q.version + 1
        FROM unnest(p_quotas) AS w CROSS JOIN LATERAL (SELECT ctid FROM quotas WHERE id = w.id OFFSET 0) AS f (place)
        WHERE q.ctid = f.place AND q.version = w.version
        RETURNING q.id
    )
    SELECT w.event_id INTO stale FROM unnest(p_quotas) AS w LEFT JOIN changed c ON c.id = w.id WHERE c.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'event % was decided on a stale version', stale
            USING ERRCODE = 'BX002', DETAIL = stale::text;
    END IF;

    -- What was ever taken of a ticket type is counted in its quota, so the type has to stay there: written under the quota's lock.
    IF is_first THEN
        WITH wanted (id) AS (
            SELECT ticket_type_id FROM unnest(p_items)
            UNION
            SELECT (item ->> 'ticket_type_id')::uuid FROM unnest(p_holds) AS h, jsonb_array_elements(h.items) AS item
        )
        SELECT count(*) FILTER (WHERE t.id IS NULL), array_agg(t.id ORDER BY t.id) FILTER (WHERE NOT t.ever_taken)
        INTO n, untaken
        FROM wanted w LEFT JOIN LATERAL (SELECT id, ever_taken FROM ticket_types WHERE id = w.id OFFSET 0) AS t ON true;
        IF n = 0 AND untaken IS NOT NULL THEN
            UPDATE ticket_types SET ever_taken = true WHERE id = ANY (untaken);
            GET DIAGNOSTICS n = ROW_COUNT;
            -- Deleted in this moment.
            n := cardinality(untaken) - n;
        END IF;
        IF n <> 0 THEN
            RAISE EXCEPTION 'a ticket type does not exist'
                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'booking_items_ticket_type_id';
        END IF;
    END IF;

    IF cardinality(p_holds) > 0 THEN
        INSERT INTO holds (id, event_id, account_id, status, kind, items, tax_included, total, currency, promo_code_id,
                           idempotency_key, fingerprint, expires_at, created_at, updated_at)
        SELECT id, event_id, account_id, 'ACTIVE', kind::hold_kind, items, tax_included, total, currency, promo_code_id,
               idempotency_key, fingerprint, expires_at, created_at, created_at
        FROM unnest(p_holds);
    END IF;
    IF cardinality(p_bookings) > 0 THEN
        INSERT INTO bookings (id, event_id, account_id, status, quantity, tax_included, discount, fees, tax, total, currency,
                              promo_code_id, hold_id, idempotency_key, fingerprint, expires_at, created_at, updated_at)
        SELECT id, event_id, account_id, status::booking_status, quantity, tax_included, discount, fees, tax, total, currency,
               promo_code_id, hold_id, idempotency_key, fingerprint, expires_at, created_at, created_at
        FROM unnest(p_bookings);
        IF EXISTS (SELECT booking_id FROM unnest(p_items) EXCEPT SELECT id FROM unnest(p_bookings)) THEN
            RAISE EXCEPTION 'an item belongs to no booking of its group';
        END IF;
        INSERT INTO booking_items (booking_id, position, ticket_type_id, seat_id, price, discount, fee, tax)
        SELECT * FROM unnest(p_items);
    END IF;

    -- Seats are given back before others are taken: one group may do both with the same seat.
    IF cardinality(p_freed) > 0 THEN
        DELETE FROM seat_claims c
        USING unnest(p_freed) AS t
              CROSS JOIN LATERAL (
                  SELECT ctid FROM seat_claims s WHERE s.event_id = t.event_id AND s.seat_id = t.seat_id OFFSET 0
              ) AS f (place)
        WHERE c.ctid = f.place AND c.holder_id = t.former_holder_id;
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> cardinality(p_freed) THEN
            RAISE EXCEPTION 'a seat is not held by whom it should be' USING ERRCODE = 'BX003';
        END IF;
    END IF;
    IF cardinality(p_moved) > 0 THEN
        UPDATE seat_claims c SET holder_id = t.holder_id, sold = t.sold
        FROM unnest(p_moved) AS t
             CROSS JOIN LATERAL (
                 SELECT ctid FROM seat_claims s WHERE s.event_id = t.event_id AND s.seat_id = t.seat_id OFFSET 0
             ) AS f (place)
        WHERE c.ctid = f.place AND c.holder_id = t.former_holder_id;
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> cardinality(p_moved) THEN
            RAISE EXCEPTION 'a seat is not held by whom it should be' USING ERRCODE = 'BX003';
        END IF;
    END IF;
    IF cardinality(p_taken) > 0 THEN
        INSERT INTO seat_claims (event_id, seat_id, holder_id, sold) SELECT event_id, seat_id, holder_id, sold FROM unnest(p_taken);
    END IF;

    -- NULL for nearly every group.
    IF p_money IS NOT NULL THEN
        PERFORM ledger_money(p_money);
    END IF;
END
$$;

-- How many of so many places can be bought, when each booking takes from `fewest` to `most` of them: `domain::sales::sellable`.
CREATE FUNCTION sellable(places bigint, fewest bigint, most bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE
        WHEN places < fewest OR most < fewest OR most = 0 THEN 0
        WHEN (places + most - 1) / most * fewest <= places THEN places
        ELSE ((places + most - 1) / most - 1) * most
    END;
END
$$;

-- Seats of the sections that a ticket type sells, in the version of the map that its event sells.
CREATE FUNCTION seats_of_type(of_event uuid, of_type uuid) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((
        SELECT sum(c.seat_count) FROM events e JOIN sections c ON c.seat_map_version_id = e.seat_map_version_id
        WHERE e.id = of_event AND coalesce(c.first_id, c.id) IN (
            SELECT section_id FROM ticket_type_sections WHERE ticket_type_id = of_type)
    ), 0);
END
$$;

-- Free seats of the sections that a ticket type sells, up to `enough`: beyond that nobody asks.
CREATE FUNCTION free_seats(of_event uuid, of_type uuid, enough bigint) RETURNS bigint LANGUAGE plpgsql STABLE COST 1000 AS $$
DECLARE
    house bigint := seats_of_type(of_event, of_type);
    taken bigint;
BEGIN
    -- No more seats are taken than are counted at the quotas of those who sell one of these sections. That mostly says enough, and
    -- costs a look at a few rows.
    SELECT coalesce(sum(q.held + q.sold), 0) INTO taken FROM quotas q WHERE q.id IN (
        SELECT t.quota_id FROM ticket_types t JOIN ticket_type_sections x ON x.ticket_type_id = t.id
        WHERE t.event_id = of_event
          AND x.section_id IN (SELECT section_id FROM ticket_type_sections WHERE ticket_type_id = of_type));
    IF house - taken >= enough THEN
        RETURN enough;
    END IF;
    SELECT count(*) INTO taken FROM seat_claims k JOIN seats s ON s.id = k.seat_id JOIN seat_rows r ON r.id = s.row_id
        JOIN sections c ON c.id = r.section_id
    WHERE k.event_id = of_event AND coalesce(c.first_id, c.id) IN (
        SELECT section_id FROM ticket_type_sections WHERE ticket_type_id = of_type);
    RETURN least(house - taken, enough);
END
$$;
