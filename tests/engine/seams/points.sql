-- Fail points of the test's database: triggers before and after each statement on the tables that a sale is made of. The product
-- knows nothing of them.
CREATE SCHEMA seams;

-- At most one row: what is to happen at the `n`th passage of one transaction.
CREATE TABLE seams.point (n integer NOT NULL, action text NOT NULL, ignored text NOT NULL);
-- What a transaction passed, while `action` is 'record'.
CREATE TABLE seams.passage (tx bigint NOT NULL, n integer NOT NULL, label text NOT NULL);
-- A sequence, because a point happens once also when its transaction is rolled back.
CREATE SEQUENCE seams.fired;

CREATE FUNCTION seams.pass() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    point seams.point;
    passed integer;
BEGIN
    SELECT * INTO point FROM seams.point LIMIT 1;
    IF NOT FOUND OR current_query() ~ point.ignored THEN
        RETURN NULL;
    END IF;
    passed := coalesce(nullif(current_setting('seams.passed', true), ''), '0')::integer + 1;
    PERFORM set_config('seams.passed', passed::text, true);
    IF point.action = 'record' THEN
        INSERT INTO seams.passage
        VALUES (txid_current(), passed, lower(format('%s %s %s', tg_when, tg_op, tg_table_name)));
    ELSIF passed = point.n AND nextval('seams.fired') = 1 THEN
        IF point.action = 'stop' THEN
            -- The test holds this lock until the other operation is done or waits.
            PERFORM pg_advisory_xact_lock_shared(77, 77);
        ELSE
            RAISE EXCEPTION 'a passing trouble at %, passage %', tg_table_name, passed USING ERRCODE = point.action;
        END IF;
    END IF;
    RETURN NULL;
END
$$;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['events', 'quotas', 'ticket_types', 'ticket_type_sections', 'holds', 'bookings', 'booking_items',
        'seat_claims', 'promo_codes', 'payments', 'cancellations', 'refunds', 'jobs', 'seat_maps', 'seat_map_versions', 'event_cancellations',
        'event_listings', 'audit_log']
    LOOP
        EXECUTE format('CREATE TRIGGER a_seam BEFORE INSERT OR UPDATE OR DELETE ON %I FOR EACH STATEMENT '
            'EXECUTE FUNCTION seams.pass()', t);
        EXECUTE format('CREATE TRIGGER z_seam AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH STATEMENT '
            'EXECUTE FUNCTION seams.pass()', t);
    END LOOP;
END
$$;

-- Places that somebody has, written as `ledger_commit` would: nothing is loaded by it. A quota's name is its ticket type's.
CREATE FUNCTION seams.take(
    p_id uuid, p_kind text, p_event uuid, p_account uuid, p_expires timestamptz, p_types uuid[], p_seats uuid[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    is_sold boolean := p_kind = 'CONFIRMED';
    is_live boolean := p_kind <> 'EXPIRED';
    total numeric;
BEGIN
    SELECT sum(t.price) INTO total FROM unnest(p_types) AS w (id) JOIN ticket_types t ON t.id = w.id;
    IF p_kind IN ('HOLD', 'BLOCK') THEN
        INSERT INTO holds (id, event_id, account_id, status, kind, items, total, currency, idempotency_key, fingerprint,
                           expires_at, created_at, updated_at)
        SELECT p_id, p_event, p_account, 'ACTIVE', p_kind::hold_kind,
            (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('ticket_type_id', t.id, 'quota_id', t.quota_id,
                    'seat_id', w.seat, 'price', t.price::text)) ORDER BY w.n)
                FROM unnest(p_types, p_seats) WITH ORDINALITY AS w (id, seat, n) JOIN ticket_types t ON t.id = w.id),
            total, 'EUR', p_id::text, gen_random_uuid(), p_expires, now(), now();
    ELSE
        INSERT INTO bookings (id, event_id, account_id, status, quantity, fees, tax, total, currency, idempotency_key,
                              fingerprint, expires_at, created_at, updated_at)
        VALUES (p_id, p_event, p_account, p_kind::booking_status, cardinality(p_types), 0, 0, total, 'EUR', p_id::text,
            gen_random_uuid(), p_expires, now(), now());
        INSERT INTO booking_items (booking_id, position, ticket_type_id, seat_id, price)
        SELECT p_id, w.n - 1, t.id, w.seat, t.price
        FROM unnest(p_types, p_seats) WITH ORDINALITY AS w (id, seat, n) JOIN ticket_types t ON t.id = w.id;
    END IF;
    UPDATE quotas q SET version = version + 1, held = held + w.n * (NOT is_sold)::int, sold = sold + w.n * is_sold::int
    FROM (SELECT t.quota_id, count(*)::int AS n FROM unnest(p_types) AS w (id) JOIN ticket_types t ON t.id = w.id
            GROUP BY t.quota_id) AS w
    WHERE q.id = w.quota_id AND is_live;
    UPDATE ticket_types SET ever_taken = true WHERE id = ANY (p_types);
    INSERT INTO seat_claims (event_id, seat_id, holder_id, sold)
    SELECT p_event, seat, p_id, is_sold FROM unnest(p_seats) AS w (seat) WHERE seat IS NOT NULL AND is_live;
END
$$;

-- A code that takes half off and may be used once.
CREATE FUNCTION seams.offer_code(p_event uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO promo_codes (id, event_id, code, kind, value, uses) VALUES (gen_random_uuid(), p_event, 'LAST', 'PERCENT', 0.5, 1)
$$;

-- A hold uses it, and one more use is left.
CREATE FUNCTION seams.use_code(p_event uuid, p_hold uuid) RETURNS void LANGUAGE sql AS $$
    UPDATE promo_codes SET used = used + 1, uses = uses + 1, ever_used = true WHERE event_id = p_event AND code = 'LAST';
    UPDATE holds SET promo_code_id = (SELECT id FROM promo_codes WHERE event_id = p_event AND code = 'LAST') WHERE id = p_hold
$$;

-- Somebody is about to pay a booking, or was when it ran out of time.
CREATE FUNCTION seams.attempt(p_id uuid, p_booking uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO payments (id, booking_id, event_id, account_id, provider, method, state, amount, currency, idempotency_key, fingerprint)
    SELECT p_id, id, event_id, account_id, 'sandbox', 'card',
        CASE WHEN status = 'PENDING_PAYMENT' THEN 'REQUIRES_ACTION' ELSE 'CANCELLED' END::payment_state, total, currency, p_id::text,
        p_id
    FROM bookings
    WHERE id = p_booking
$$;

-- A confirmed booking is paid, by hand.
CREATE FUNCTION seams.pay(p_booking uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO payments (id, booking_id, event_id, account_id, provider, method, state, amount, currency, pays_booking,
                          idempotency_key, fingerprint)
    SELECT gen_random_uuid(), id, event_id, account_id, 'manual', 'cash', 'SUCCEEDED', total, currency, true, id::text,
        gen_random_uuid() FROM bookings WHERE id = p_booking;
$$;

-- An event that sells nothing any more, and a hold of one of its seats from before that was released.
CREATE FUNCTION seams.give_up(p_id uuid, p_event uuid, p_account uuid, p_type uuid, p_seat uuid)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    items jsonb;
BEGIN
    SELECT jsonb_build_array(jsonb_build_object('ticket_type_id', id, 'quota_id', quota_id, 'seat_id', p_seat, 'price', '0'))
    INTO items FROM ticket_types WHERE id = p_type;
    DELETE FROM ticket_types WHERE event_id = p_event;
    INSERT INTO holds (id, event_id, account_id, status, items, total, currency, idempotency_key, fingerprint,
                       expires_at, created_at, updated_at)
    VALUES (p_id, p_event, p_account, 'RELEASED', items, 0, 'EUR', p_id::text, gen_random_uuid(),
        now() + interval '10 minutes', now(), now());
END
$$;

-- A second version of a map: as the first, without the last seat of its first section.
CREATE FUNCTION seams.redraw(p_map uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    version uuid := gen_random_uuid();
    s record;
    r record;
    new_section uuid;
    new_row uuid;
BEGIN
    INSERT INTO seat_map_versions (id, seat_map_id, number) VALUES (version, p_map, 2);
    FOR s IN SELECT * FROM sections WHERE seat_map_version_id = p_map LOOP
        new_section := gen_random_uuid();
        INSERT INTO sections (id, seat_map_version_id, name, position, first_id)
        VALUES (new_section, version, s.name, s.position, s.id);
        FOR r IN SELECT * FROM seat_rows WHERE section_id = s.id LOOP
            new_row := gen_random_uuid();
            INSERT INTO seat_rows (id, section_id, label, position) VALUES (new_row, new_section, r.label, r.position);
            INSERT INTO seats (id, row_id, label, position, accessible, first_id)
            SELECT gen_random_uuid(), new_row, label, position, accessible, id FROM seats
            WHERE row_id = r.id
              AND (s.position > 0 OR position < (SELECT max(position) FROM seats WHERE row_id = r.id));
        END LOOP;
    END LOOP;
END
$$;
