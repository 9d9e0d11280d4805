-- What organizers change and delete is judged under the locks of the event's own quotas, and no longer under one that all bookings
-- share: a deletion concerns its own event only.

-- In an order that keeps an index together, for rows whose ids are made by statements (RFC 9562, 5.7).
CREATE FUNCTION uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
    RETURN encode(set_bit(set_bit(overlay(
        uuid_send(gen_random_uuid()) PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid;

-- When a statement of a trigger is to see what was committed while it waited, each must have a snapshot of its own.
CREATE FUNCTION require_read_committed() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'what bookings refer to is deleted in READ COMMITTED only'
            USING HINT = 'A snapshot taken before the wait does not show what was booked meanwhile.';
    END IF;
END
$$;

-- The quotas' locks wait for the commits under way, and the deletion takes the quotas along, so whatever else was decided is stale.
CREATE OR REPLACE FUNCTION refuse_deletion_of_event() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF old.seat_map_id IS NOT NULL AND EXISTS (SELECT FROM ticket_types WHERE event_id = old.id AND ever_taken) THEN
        UPDATE seat_maps SET seats_named_at = now()
        WHERE id = (SELECT seat_map_id FROM seat_map_versions WHERE id = old.seat_map_id);
    END IF;
    -- The event's ticket types go with it, and before the quotas that they refer to: the order of cascades is not ours to choose.
    PERFORM set_config('boxoffice.deleted_event', old.id::text, true);
    DELETE FROM ticket_types WHERE event_id = old.id;
    RETURN old;
END
$$;

-- A ticket type of which something was ever taken goes with its event only. `ledger_commit` sets the column before it refers to the
-- type, and both lock its row: one of the two sees the other.
CREATE OR REPLACE FUNCTION refuse_deletion_of_ticket_type() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.ever_taken AND current_setting('boxoffice.deleted_event', true) IS DISTINCT FROM old.event_id::text THEN
        RAISE EXCEPTION 'places of ticket type % were taken', old.id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'booking_items_ticket_type_id';
    END IF;
    RETURN old;
END
$$;

-- Seats are claimed only under an event that uses their map, and an event can't leave a map while it has claims: so the lock of the
-- map's versions, which an event takes that begins to use one, is enough.
CREATE OR REPLACE FUNCTION refuse_deletion_of_seats() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    versions uuid[];
BEGIN
    PERFORM require_read_committed();
    IF TG_TABLE_NAME = 'sections' THEN
        SELECT array_agg(DISTINCT seat_map_id) INTO versions FROM deleted;
    ELSIF TG_TABLE_NAME = 'seat_rows' THEN
        SELECT array_agg(DISTINCT c.seat_map_id) INTO versions FROM deleted d JOIN sections c ON c.id = d.section_id;
    ELSE
        SELECT array_agg(DISTINCT c.seat_map_id) INTO versions
        FROM deleted d JOIN seat_rows r ON r.id = d.row_id JOIN sections c ON c.id = r.section_id;
    END IF;
    -- A seat's words are those of the first version that has it, also for events that sell a later one.
    SELECT array_agg(id) INTO versions FROM seat_map_versions WHERE seat_map_id IN (
        SELECT seat_map_id FROM seat_map_versions WHERE id = ANY (versions)
    );
    PERFORM FROM seat_map_versions WHERE id = ANY (versions) ORDER BY id FOR UPDATE;
    IF EXISTS (SELECT FROM events WHERE seat_map_id = ANY (versions)) THEN
        RAISE EXCEPTION 'seats of a seat map that an event uses are not deleted'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'seat_claims_seat_id';
    END IF;
    RETURN NULL;
END
$$;

-- Another version of the same map has the same seats; another map has none of them.
CREATE FUNCTION refuse_change_of_taken_map() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT seat_map_id FROM seat_map_versions WHERE id = old.seat_map_id)
            IS DISTINCT FROM (SELECT seat_map_id FROM seat_map_versions WHERE id = new.seat_map_id)
        AND (EXISTS (SELECT FROM seat_claims WHERE event_id = old.id)
            OR EXISTS (SELECT FROM ticket_types WHERE event_id = old.id AND ever_taken))
    THEN
        RAISE EXCEPTION 'places of event % were taken: it stays with its seat map', old.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'events_taken_map_check';
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER refuse_change_of_taken_map BEFORE UPDATE OF seat_map_id ON events
    FOR EACH ROW WHEN (old.seat_map_id IS DISTINCT FROM new.seat_map_id) EXECUTE FUNCTION refuse_change_of_taken_map();

-- The sections of a ticket type of which something was taken stay as well. A server of the version before deletes all sections of a type
-- with each change of it, and writes them again: what was deleted in the same transaction may come back.
CREATE FUNCTION remember_dropped_sections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config(
        'boxoffice.dropped_sections',
        concat(current_setting('boxoffice.dropped_sections', true), d.names), true)
    FROM (SELECT string_agg(concat(' ', dropped.ticket_type_id, ':', section_id), '') AS names
          FROM dropped JOIN ticket_types t ON t.id = dropped.ticket_type_id AND t.ever_taken) AS d
    WHERE d.names IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER remember_dropped_sections AFTER DELETE ON ticket_type_sections REFERENCING OLD TABLE AS dropped
    FOR EACH STATEMENT EXECUTE FUNCTION remember_dropped_sections();

CREATE FUNCTION refuse_sections_for_taken_types() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    taken uuid;
BEGIN
    SELECT t.id INTO taken FROM added a JOIN ticket_types t ON t.id = a.ticket_type_id
    WHERE t.ever_taken AND position(concat(' ', a.ticket_type_id, ':', a.section_id)
                                    IN coalesce(current_setting('boxoffice.dropped_sections', true), '')) = 0
    LIMIT 1;
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
        SELECT FROM ticket_types t JOIN events e ON e.id = t.event_id JOIN sections s ON s.seat_map_id = e.seat_map_id
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

-- When an event was deleted whose holds, kept for a while after their end, name seats of the map. Of the maps that are there nobody
-- knows, so they count as named just now.
ALTER TABLE seat_maps ADD COLUMN seats_named_at timestamptz DEFAULT now();
ALTER TABLE seat_maps ALTER COLUMN seats_named_at DROP DEFAULT;

-- Bookings that were cancelled already when their event was: they are neither counted nor told of again. Clocks of servers and of the
-- database may differ, so the time alone can't tell; only those of the last seconds before are in it.
ALTER TABLE event_cancellations ADD COLUMN cancelled_before uuid[] NOT NULL DEFAULT '{}';

-- Which word a request has made, so that its repetition after a lost answer finds it.
ALTER TABLE categories ADD COLUMN made_id uuid;
