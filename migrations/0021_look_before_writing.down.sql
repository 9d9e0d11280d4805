-- As migration 0015 has it, with the lock time-out of migration 0016.
CREATE OR REPLACE FUNCTION ledger_commit(
    p_session integer,
    -- One element a changed quota.
    q_event uuid[], q_id uuid[], q_version bigint[], q_held integer[], q_sold integer[],
    -- New holds.
    h_id uuid[], h_event uuid[], h_account uuid[], h_items jsonb[], h_total numeric[], h_currency text[],
    h_key text[], h_fingerprint uuid[], h_expires timestamptz[], h_created timestamptz[],
    -- Holds that are active and shall not be.
    hc_id uuid[], hc_to text[], hc_at timestamptz[],
    -- New bookings.
    b_id uuid[], b_event uuid[], b_account uuid[], b_status text[], b_quantity smallint[], b_fees numeric[],
    b_tax numeric[], b_total numeric[], b_currency text[], b_hold uuid[], b_key text[], b_fingerprint uuid[],
    b_expires timestamptz[], b_created timestamptz[],
    -- Their items.
    i_booking uuid[], i_position smallint[], i_ticket_type uuid[], i_seat uuid[], i_price numeric[],
    -- Bookings that change their status.
    bc_id uuid[], bc_from text[], bc_to text[], bc_at timestamptz[],
    -- Seats given back, handed from a hold to its booking, and taken.
    f_event uuid[], f_seat uuid[], f_holder uuid[],
    m_event uuid[], m_seat uuid[], m_from uuid[], m_to uuid[], m_sold boolean[],
    s_event uuid[], s_seat uuid[], s_holder uuid[], s_sold boolean[]
) RETURNS void
LANGUAGE plpgsql
-- Plans are made once a connection, perhaps when the tables are empty, and reading all of a table with every group seems cheap
-- then. Each step is to be a look-up by key for each element, however large the tables become: so other ways are closed, and
-- OFFSET 0 keeps each look-up inside of its element's turn.
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

    -- What foreign keys would ask and lock once a row. Whoever deletes an account, a ticket type, an event or a seat takes this
    -- lock exclusively first. Events and seats need no question: an event's quotas go with it, which makes its batch stale,
    -- and the seats of a map that an event uses are never deleted.
    PERFORM pg_advisory_xact_lock_shared(2, 0);
    IF EXISTS (
        SELECT FROM unnest(b_account || h_account) AS w (id) WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.id = w.id)
    ) THEN
        RAISE EXCEPTION 'an account does not exist'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'bookings_account_id';
    END IF;
    -- Closes before it counts: that something is not open any more is then told as such, and not by counters that would fall below 0.
    IF cardinality(hc_id) > 0 THEN
        UPDATE holds h SET status = t.status::hold_status, updated_at = t.at
        FROM unnest(hc_id, hc_to, hc_at) AS t (id, status, at)
             CROSS JOIN LATERAL (SELECT ctid FROM holds WHERE id = t.id OFFSET 0) AS f (place)
        WHERE h.ctid = f.place AND h.status = 'ACTIVE';
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> cardinality(hc_id) THEN
            RAISE EXCEPTION 'a hold is not active any more' USING ERRCODE = 'BX003';
        END IF;
    END IF;

    IF cardinality(bc_id) > 0 THEN
        UPDATE bookings b SET status = t.status::booking_status, updated_at = t.at
        FROM unnest(bc_id, bc_from, bc_to, bc_at) AS t (id, former, status, at)
             CROSS JOIN LATERAL (SELECT ctid FROM bookings WHERE id = t.id OFFSET 0) AS f (place)
        WHERE b.ctid = f.place AND b.status = t.former::booking_status;
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> cardinality(bc_id) THEN
            RAISE EXCEPTION 'a booking is not open any more' USING ERRCODE = 'BX003';
        END IF;
    END IF;

    -- An update changes a row once, however many changes name it.
    IF cardinality(q_id) <> (SELECT count(DISTINCT id) FROM unnest(q_id) AS q (id)) THEN
        RAISE EXCEPTION 'a quota is named twice';
    END IF;
    WITH wanted AS (
        SELECT * FROM unnest(q_event, q_id, q_version, q_held, q_sold) AS w (event_id, id, version, held, sold)
    ), changed AS (
        UPDATE quotas q
        SET held = q.held + w.held, sold = q.sold + w.sold, version = q.version + 1
        FROM wanted w CROSS JOIN LATERAL (SELECT ctid FROM quotas WHERE id = w.id OFFSET 0) AS f (place)
        WHERE q.ctid = f.place AND q.version = w.version
        RETURNING q.id
    )
    SELECT w.event_id INTO stale FROM wanted w LEFT JOIN changed c ON c.id = w.id WHERE c.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'event % was decided on a stale version', stale
            USING ERRCODE = 'BX002', DETAIL = stale::text;
    END IF;

    -- What was ever taken of a ticket type is counted in its quota, so the type has to stay there. Only the first group of a type
    -- writes it; all others ask no more than whether it is written.
    is_first := EXISTS (
        SELECT FROM (SELECT DISTINCT id FROM unnest(i_ticket_type) AS i (id)) AS w
        WHERE NOT EXISTS (SELECT FROM ticket_types t WHERE t.id = w.id AND t.ever_taken)
    );
    IF NOT is_first AND cardinality(h_id) > 0 THEN
        is_first := EXISTS (
            SELECT FROM (SELECT DISTINCT (item ->> 'ticket_type_id')::uuid AS id
                         FROM unnest(h_items) AS h (items), jsonb_array_elements(h.items) AS item) AS w
            WHERE NOT EXISTS (SELECT FROM ticket_types t WHERE t.id = w.id AND t.ever_taken)
        );
    END IF;
    IF is_first THEN
        WITH wanted AS (
            SELECT id FROM unnest(i_ticket_type) AS i (id)
            UNION
            SELECT (item ->> 'ticket_type_id')::uuid FROM unnest(h_items) AS h (items), jsonb_array_elements(h.items) AS item
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

    IF cardinality(h_id) > 0 THEN
        INSERT INTO holds (id, event_id, account_id, status, items, total, currency, idempotency_key, fingerprint,
                           expires_at, created_at, updated_at)
        SELECT id, event_id, account_id, 'ACTIVE', items, total, currency, key, fingerprint, expires, created, created
        FROM unnest(h_id, h_event, h_account, h_items, h_total, h_currency, h_key, h_fingerprint, h_expires, h_created)
             AS t (id, event_id, account_id, items, total, currency, key, fingerprint, expires, created);
    END IF;

    IF cardinality(b_id) > 0 THEN
        INSERT INTO bookings (id, event_id, account_id, status, quantity, fees, tax, total, currency, hold_id,
                              idempotency_key, fingerprint, expires_at, created_at, updated_at)
        SELECT id, event_id, account_id, status::booking_status, quantity, fees, tax, total, currency, hold_id,
               key, fingerprint, expires, created, created
        FROM unnest(b_id, b_event, b_account, b_status, b_quantity, b_fees, b_tax, b_total, b_currency, b_hold, b_key,
                    b_fingerprint, b_expires, b_created)
             AS t (id, event_id, account_id, status, quantity, fees, tax, total, currency, hold_id, key, fingerprint,
                   expires, created);
        IF EXISTS (SELECT unnest(i_booking) EXCEPT SELECT unnest(b_id)) THEN
            RAISE EXCEPTION 'an item belongs to no booking of its group';
        END IF;
        INSERT INTO booking_items (booking_id, position, ticket_type_id, seat_id, price)
        SELECT * FROM unnest(i_booking, i_position, i_ticket_type, i_seat, i_price);
    END IF;

    -- Seats are given back before others are taken: one group may do both with the same seat.
    IF cardinality(f_seat) > 0 THEN
        DELETE FROM seat_claims c
        USING unnest(f_event, f_seat, f_holder) AS t (event_id, seat_id, holder_id)
              CROSS JOIN LATERAL (
                  SELECT ctid FROM seat_claims s WHERE s.event_id = t.event_id AND s.seat_id = t.seat_id OFFSET 0
              ) AS f (place)
        WHERE c.ctid = f.place AND c.holder_id = t.holder_id;
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> cardinality(f_seat) THEN
            RAISE EXCEPTION 'a seat is not held by whom it should be' USING ERRCODE = 'BX003';
        END IF;
    END IF;
    IF cardinality(m_seat) > 0 THEN
        UPDATE seat_claims c SET holder_id = t.new_holder, sold = t.sold
        FROM unnest(m_event, m_seat, m_from, m_to, m_sold) AS t (event_id, seat_id, old_holder, new_holder, sold)
             CROSS JOIN LATERAL (
                 SELECT ctid FROM seat_claims s WHERE s.event_id = t.event_id AND s.seat_id = t.seat_id OFFSET 0
             ) AS f (place)
        WHERE c.ctid = f.place AND c.holder_id = t.old_holder;
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> cardinality(m_seat) THEN
            RAISE EXCEPTION 'a seat is not held by whom it should be' USING ERRCODE = 'BX003';
        END IF;
    END IF;
    IF cardinality(s_seat) > 0 THEN
        INSERT INTO seat_claims (event_id, seat_id, holder_id, sold)
        SELECT * FROM unnest(s_event, s_seat, s_holder, s_sold);
    END IF;
END
$$;
