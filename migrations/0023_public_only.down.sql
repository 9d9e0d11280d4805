DROP TRIGGER learn_search_terms_insert ON event_listings;
DROP TRIGGER learn_search_terms_update ON event_listings;
DROP FUNCTION learn_search_terms_of_listings();
DROP FUNCTION add_search_terms(text[]);
ALTER FUNCTION learn_search_terms(text[]) RENAME TO add_search_terms;
CREATE OR REPLACE FUNCTION add_search_terms_of_venues() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_search_terms(ARRAY(SELECT fold(name || ' ' || city) FROM changed));
    RETURN NULL;
END
$$;
-- Programs of before look for other spellings among the words of drafts, too.
SELECT add_search_terms(ARRAY(
    SELECT DISTINCT fold(line) FROM (
        SELECT title FROM events
        UNION ALL
        SELECT g.name FROM tags g WHERE EXISTS (SELECT FROM event_tags x WHERE x.tag_id = g.id)
    ) AS lines (line)
));

DROP TRIGGER keep_former_slugs_update ON events;
CREATE OR REPLACE FUNCTION keep_former_slugs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    taken text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        EXECUTE format(
            'INSERT INTO %I (slug, owner_id) SELECT f.slug, f.id FROM former f JOIN changed c USING (id) WHERE f.slug <> c.slug
             ON CONFLICT (slug) DO NOTHING', TG_ARGV[0]);
        -- A row that takes its old slug back.
        EXECUTE format('DELETE FROM %I k USING changed c WHERE k.slug = c.slug AND k.owner_id = c.id', TG_ARGV[0]);
    END IF;
    EXECUTE format('SELECT k.slug FROM %I k JOIN changed c USING (slug) WHERE k.owner_id <> c.id LIMIT 1', TG_ARGV[0]) INTO taken;
    IF taken IS NOT NULL THEN
        RAISE EXCEPTION 'the slug % still leads to another', taken USING ERRCODE = 'unique_violation', CONSTRAINT = TG_ARGV[1];
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_former_slugs_update AFTER UPDATE ON events REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION keep_former_slugs('former_event_slugs', 'events_slug_key');

DROP TRIGGER note_ever_public ON events;
DROP FUNCTION note_ever_public();
ALTER TABLE events DROP COLUMN ever_public;
