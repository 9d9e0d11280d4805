-- boxoffice: refuse while events WHERE series_id IS NOT NULL; they would be no series any more
DROP TRIGGER follow_event_listings_update ON events;
CREATE TRIGGER follow_event_listings_update AFTER UPDATE ON events REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings(
        'SELECT c.id FROM changed c JOIN former f USING (id)
         WHERE (c.title, c.summary, c.description, c.category, c.status, c.starts_at, c.created_at, c.venue_id, c.sale_starts_at,
                c.sale_ends_at)
             IS DISTINCT FROM (f.title, f.summary, f.description, f.category, f.status, f.starts_at, f.created_at, f.venue_id,
                               f.sale_starts_at, f.sale_ends_at)');

CREATE OR REPLACE FUNCTION refresh_event_listings(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Two transactions may change different things of one event. The later one waits here, and the next statement, with a
    -- snapshot of its own, sees what the other has committed.
    PERFORM FROM event_listings WHERE event_id = ANY (ids) ORDER BY event_id FOR UPDATE;
    INSERT INTO event_listings AS l (event_id, status, starts_at, created_at, venue_id, category, city, title, tags,
                                     sale_starts_at, sale_ends_at, price_min, price_max, words)
    SELECT id, status, starts_at, created_at, venue_id, category, city, left(title, 100), slugs, sale_starts_at, sale_ends_at,
           lowest, highest,
           search_words(title, names, summary, description)
    FROM (
        SELECT e.id, e.status, e.starts_at, e.created_at, e.venue_id, e.category, e.sale_starts_at, e.sale_ends_at,
               fold(v.city) AS city, fold(e.title) AS title,
               fold(concat_ws(' ', t.names, v.name, v.city)) AS names, fold(e.summary) AS summary,
               fold(e.description) AS description, coalesce(t.slugs, '{}') AS slugs, p.lowest, p.highest
        FROM unnest(ids) AS wanted (id) JOIN events e USING (id) JOIN venues v ON v.id = e.venue_id
        CROSS JOIN LATERAL (
            SELECT min(price) AS lowest, max(price) AS highest FROM ticket_types WHERE event_id = e.id
        ) AS p
        CROSS JOIN LATERAL (
            SELECT array_agg(g.slug ORDER BY g.slug) AS slugs, string_agg(g.name, ' ' ORDER BY g.slug) AS names
            FROM event_tags x JOIN tags g ON g.id = x.tag_id WHERE x.event_id = e.id
        ) AS t
        OFFSET 0 -- each text is folded once, not once a language
    ) AS folded
    ON CONFLICT (event_id) DO UPDATE
    SET status = excluded.status, starts_at = excluded.starts_at, created_at = excluded.created_at, venue_id = excluded.venue_id,
        category = excluded.category, city = excluded.city, title = excluded.title, tags = excluded.tags,
        sale_starts_at = excluded.sale_starts_at, sale_ends_at = excluded.sale_ends_at,
        price_min = excluded.price_min, price_max = excluded.price_max, words = excluded.words;
    PERFORM add_search_terms(ARRAY(
        SELECT DISTINCT fold(line) FROM (
            SELECT e.title FROM events e WHERE e.id = ANY (ids)
            UNION ALL SELECT g.name FROM event_tags x JOIN tags g ON g.id = x.tag_id WHERE x.event_id = ANY (ids)
        ) AS lines (line)
    ));
END
$$;

-- The events stay; that some of them belong together is forgotten.
DROP INDEX event_listings_series_idx;
DROP INDEX events_series_start_key;
ALTER TABLE event_listings DROP COLUMN series_id;
ALTER TABLE events DROP COLUMN series_id;
