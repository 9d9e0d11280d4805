-- boxoffice: allow backfill: sections are some ten a version of a seat map; listings are a row an event, a second or two for 100,000
-- boxoffice: allow index: listings are a row an event: a second or two for 100,000, in which lists wait that are not cached
-- boxoffice: allow not-null: the column was filled the statement before, and a trigger fills it for older servers
-- boxoffice: allow rename: of a function that only triggers and other functions call; the old name is kept for them
-- What lists and badges need to tell what can be bought, and what is over.

-- How many seats a section of a version has. A version never changes once it is written, so they are counted as they are written.
ALTER TABLE sections ADD COLUMN seats integer NOT NULL DEFAULT 0;
UPDATE sections c SET seats = (SELECT count(*) FROM seat_rows r JOIN seats s ON s.row_id = r.id WHERE r.section_id = c.id);

CREATE FUNCTION count_section_seats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sections c SET seats = c.seats + more.seats FROM (
        SELECT r.section_id, count(*) AS seats FROM added JOIN seat_rows r ON r.id = added.row_id GROUP BY r.section_id
    ) AS more WHERE c.id = more.section_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER count_section_seats AFTER INSERT ON seats REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_section_seats();

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
        SELECT sum(c.seats) FROM events e JOIN sections c ON c.seat_map_id = e.seat_map_id
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

-- When an event is over, for lists that leave out what is. Filled from the event, whoever writes the row.
ALTER TABLE event_listings ADD COLUMN ends_at timestamptz;
UPDATE event_listings l SET ends_at = e.ends_at FROM events e WHERE e.id = l.event_id;
ALTER TABLE event_listings ALTER COLUMN ends_at SET NOT NULL;

CREATE FUNCTION fill_listing_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.ends_at := (SELECT ends_at FROM events WHERE id = NEW.event_id);
    RETURN NEW;
END
$$;
CREATE TRIGGER fill_listing_end BEFORE INSERT ON event_listings FOR EACH ROW WHEN (NEW.ends_at IS NULL)
    EXECUTE FUNCTION fill_listing_end();

-- The listings are brought up to date as before, and then their ends.
ALTER FUNCTION refresh_event_listings(uuid[]) RENAME TO refresh_listed_words;
CREATE FUNCTION refresh_event_listings(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_listed_words(ids);
    UPDATE event_listings l SET ends_at = e.ends_at FROM events e
    WHERE l.event_id = ANY (ids) AND e.id = l.event_id AND l.ends_at <> e.ends_at;
END
$$;
CREATE TRIGGER follow_event_listings_end AFTER UPDATE ON events REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings(
        'SELECT c.id FROM changed c JOIN former f USING (id) WHERE c.ends_at <> f.ends_at');

-- In the order of their beginnings, without a look at the table for each that is over.
DROP INDEX event_listings_starts_idx, event_listings_category_idx;
CREATE INDEX event_listings_starts_idx ON event_listings (starts_at, event_id) INCLUDE (price_min, price_max, ends_at)
    WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_category_idx ON event_listings (category, starts_at, event_id) INCLUDE (ends_at)
    WHERE status = 'PUBLISHED';
-- How long the longest event takes: what began before that is over, so that a walk along the beginnings need not begin with the first
-- event there ever was.
CREATE INDEX event_listings_length_idx ON event_listings ((ends_at - starts_at)) WHERE status = 'PUBLISHED';
-- By their ends, and which one ends next.
CREATE INDEX event_listings_ends_idx ON event_listings (ends_at, event_id) WHERE status = 'PUBLISHED';

ANALYZE event_listings, sections;
