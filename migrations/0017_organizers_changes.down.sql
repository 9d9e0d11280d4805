ALTER TABLE categories DROP COLUMN made_id;
ALTER TABLE event_cancellations DROP COLUMN cancelled_before;
DROP TRIGGER refuse_loss_of_taken_sections ON ticket_type_sections;
DROP FUNCTION refuse_loss_of_taken_sections();
DROP TRIGGER refuse_exchange_of_taken_sections ON ticket_type_sections;
DROP FUNCTION refuse_exchange_of_taken_sections();
DROP TRIGGER refuse_sections_for_taken_types_insert ON ticket_type_sections;
DROP FUNCTION refuse_sections_for_taken_types();
DROP TRIGGER remember_dropped_sections ON ticket_type_sections;
DROP FUNCTION remember_dropped_sections();
DROP TRIGGER refuse_change_of_taken_map ON events;
DROP FUNCTION refuse_change_of_taken_map();

CREATE OR REPLACE FUNCTION refuse_deletion_of_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM wait_for_ledger_commits();
    IF EXISTS (SELECT FROM bookings WHERE event_id = old.id)
        OR EXISTS (SELECT FROM holds WHERE event_id = old.id AND status = 'ACTIVE')
    THEN
        RAISE EXCEPTION 'event % has bookings or holds', old.id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'bookings_event_id';
    END IF;
    RETURN old;
END
$$;

CREATE OR REPLACE FUNCTION refuse_deletion_of_ticket_type() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM wait_for_ledger_commits();
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

CREATE OR REPLACE FUNCTION refuse_deletion_of_seats() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    versions uuid[];
BEGIN
    PERFORM wait_for_ledger_commits();
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
    PERFORM FROM seat_map_versions WHERE id = ANY (versions) FOR UPDATE;
    IF EXISTS (SELECT FROM events WHERE seat_map_id = ANY (versions)) THEN
        RAISE EXCEPTION 'seats of a seat map that an event uses are not deleted'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'seat_claims_seat_id';
    END IF;
    RETURN NULL;
END
$$;
ALTER TABLE seat_maps DROP COLUMN seats_named_at;
DROP FUNCTION require_read_committed();
DROP FUNCTION uuid_v7();
