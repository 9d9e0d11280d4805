-- A seat map has versions, which never change: whoever draws it anew adds one, and each event says which one it sells.
--
-- Make no second version before all servers run this release: an older one sells no seat of it that an earlier version has, and can't
-- load an event that has sold one. It sells first versions as before.

ALTER TABLE seat_maps
    -- Whose it is. NULL: the house's, for every organizer to use and for admins to change.
    ADD COLUMN organizer_id uuid REFERENCES accounts ON DELETE RESTRICT,
    ADD COLUMN description text NOT NULL DEFAULT '',
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
    -- Nobody sees it any more, and its rows go bit by bit: a deletion of seats keeps all bookings waiting.
    ADD COLUMN deleted_at timestamptz,
    -- Organizers do not know how others call theirs. `version` is not used any more.
    DROP CONSTRAINT seat_maps_venue_id_name_version_key;
CREATE INDEX seat_maps_venue_idx ON seat_maps (venue_id);
CREATE INDEX seat_maps_organizer_idx ON seat_maps (organizer_id);
CREATE INDEX seat_maps_created_idx ON seat_maps (created_at, id);
CREATE INDEX seat_maps_deleted_idx ON seat_maps (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE seat_map_versions (
    id          uuid PRIMARY KEY,
    seat_map_id uuid NOT NULL REFERENCES seat_maps ON DELETE CASCADE,
    number      integer NOT NULL CHECK (number > 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (seat_map_id, number)
);
INSERT INTO seat_map_versions (id, seat_map_id, number, created_at) SELECT id, id, 1, created_at FROM seat_maps;

-- The first version has the id of its map, so what names a map is right for older servers, too.
CREATE FUNCTION add_first_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO seat_map_versions (id, seat_map_id, number, created_at) VALUES (new.id, new.id, 1, new.created_at);
    RETURN NULL;
END
$$;
CREATE TRIGGER add_first_version AFTER INSERT ON seat_maps FOR EACH ROW EXECUTE FUNCTION add_first_version();

-- From now on both columns name a version. Their names stay, for older servers.
ALTER TABLE sections DROP CONSTRAINT sections_seat_map_id_fkey;
ALTER TABLE sections ADD CONSTRAINT sections_seat_map_id_fkey
    FOREIGN KEY (seat_map_id) REFERENCES seat_map_versions ON DELETE CASCADE;
ALTER TABLE events DROP CONSTRAINT events_seat_map_id_fkey;
ALTER TABLE events ADD CONSTRAINT events_seat_map_id_fkey
    FOREIGN KEY (seat_map_id) REFERENCES seat_map_versions ON DELETE RESTRICT;

-- What is the same in several versions has one id for everybody: that of its row in the first version that has it. In later ones
-- it stands here. So an event moves on to another version without a change to what is held and sold.
ALTER TABLE sections ADD COLUMN first_id uuid;
ALTER TABLE seats ADD COLUMN first_id uuid;

-- As before, but for the table that events refer to.
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
