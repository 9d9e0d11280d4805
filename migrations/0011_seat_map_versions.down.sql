-- Each version becomes a seat map of its own again. There every chair has the id of its own row, so what is held and sold of
-- later versions is renamed.
CREATE TEMP TABLE later ON COMMIT DROP AS
    SELECT v.id AS version_id, s.first_id, s.id
    FROM seat_map_versions v JOIN sections c ON c.seat_map_id = v.id JOIN seat_rows r ON r.section_id = c.id
         JOIN seats s ON s.row_id = r.id
    WHERE s.first_id IS NOT NULL AND EXISTS (SELECT FROM events e WHERE e.seat_map_id = v.id);
CREATE INDEX ON later (version_id, first_id);
ANALYZE later;

UPDATE seat_claims c SET seat_id = l.id
FROM events e JOIN later l ON l.version_id = e.seat_map_id
WHERE c.event_id = e.id AND c.seat_id = l.first_id;

UPDATE booking_items i SET seat_id = l.id
FROM bookings b JOIN events e ON e.id = b.event_id JOIN later l ON l.version_id = e.seat_map_id
WHERE i.booking_id = b.id AND i.seat_id = l.first_id;

UPDATE holds h SET items = (
    SELECT jsonb_agg(
        CASE WHEN l.id IS NULL THEN item ELSE jsonb_set(item, '{seat_id}', to_jsonb(l.id)) END ORDER BY place
    )
    FROM events e CROSS JOIN jsonb_array_elements(h.items) WITH ORDINALITY AS i (item, place)
         LEFT JOIN later l ON l.version_id = e.seat_map_id AND l.first_id = (item ->> 'seat_id')::uuid
    WHERE e.id = h.event_id
)
WHERE h.status = 'ACTIVE' AND h.event_id IN (
    SELECT e.id FROM events e WHERE e.seat_map_id IN (SELECT version_id FROM later)
);

UPDATE ticket_type_sections x SET section_id = c.id
FROM ticket_types t JOIN events e ON e.id = t.event_id JOIN sections c ON c.seat_map_id = e.seat_map_id
WHERE x.ticket_type_id = t.id AND x.section_id = c.first_id;

ALTER TABLE events DROP CONSTRAINT events_seat_map_id_fkey;
ALTER TABLE sections DROP CONSTRAINT sections_seat_map_id_fkey;
DROP TRIGGER add_first_version ON seat_maps;
DROP FUNCTION add_first_version;

-- Names are unique at their venue again.
UPDATE seat_maps m SET name = m.name || ' ' || m.id
WHERE EXISTS (SELECT FROM seat_maps o WHERE o.venue_id = m.venue_id AND o.name = m.name AND o.id < m.id);
UPDATE seat_maps SET version = 1;
INSERT INTO seat_maps (id, venue_id, name, version, created_at)
SELECT v.id, m.venue_id, m.name, v.number, v.created_at
FROM seat_map_versions v JOIN seat_maps m ON m.id = v.seat_map_id WHERE v.id <> m.id;

ALTER TABLE sections ADD CONSTRAINT sections_seat_map_id_fkey
    FOREIGN KEY (seat_map_id) REFERENCES seat_maps ON DELETE CASCADE;
ALTER TABLE events ADD CONSTRAINT events_seat_map_id_fkey
    FOREIGN KEY (seat_map_id) REFERENCES seat_maps ON DELETE RESTRICT;
ALTER TABLE seats DROP COLUMN first_id;
ALTER TABLE sections DROP COLUMN first_id;
DROP TABLE seat_map_versions;

DROP INDEX seat_maps_deleted_idx;
DROP INDEX seat_maps_created_idx;
DROP INDEX seat_maps_organizer_idx;
DROP INDEX seat_maps_venue_idx;
ALTER TABLE seat_maps
    ADD CONSTRAINT seat_maps_venue_id_name_version_key UNIQUE (venue_id, name, version),
    DROP COLUMN organizer_id, DROP COLUMN description, DROP COLUMN revision, DROP COLUMN updated_at, DROP COLUMN deleted_at;

CREATE OR REPLACE FUNCTION refuse_deletion_of_seats() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    maps uuid[];
BEGIN
    PERFORM wait_for_ledger_commits();
    IF TG_TABLE_NAME = 'sections' THEN
        SELECT array_agg(DISTINCT seat_map_id) INTO maps FROM deleted;
    ELSIF TG_TABLE_NAME = 'seat_rows' THEN
        SELECT array_agg(DISTINCT c.seat_map_id) INTO maps FROM deleted d JOIN sections c ON c.id = d.section_id;
    ELSE
        SELECT array_agg(DISTINCT c.seat_map_id) INTO maps
        FROM deleted d JOIN seat_rows r ON r.id = d.row_id JOIN sections c ON c.id = r.section_id;
    END IF;
    PERFORM FROM seat_maps WHERE id = ANY (maps) FOR UPDATE;
    IF EXISTS (SELECT FROM events WHERE seat_map_id = ANY (maps)) THEN
        RAISE EXCEPTION 'seats of a seat map that an event uses are not deleted'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'seat_claims_seat_id';
    END IF;
    RETURN NULL;
END
$$;
