-- boxoffice: allow backfill: the dictionary has a row a word, a few thousand however many events there are
-- boxoffice: allow rename: of functions that only triggers and other functions call; the old name is kept for them
-- What is not public yet tells nobody anything, and keeps nothing from anybody.

-- Only names of events that were public are kept for them when they are renamed: a draft would keep each name that it ever had. What
-- there is already counts as public: a draft of now may have been.
ALTER TABLE events ADD COLUMN ever_public boolean NOT NULL DEFAULT true;
ALTER TABLE events ALTER COLUMN ever_public SET DEFAULT false;
CREATE FUNCTION note_ever_public() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.ever_public := NEW.ever_public OR NEW.status NOT IN ('DRAFT', 'SCHEDULED');
    RETURN NEW;
END
$$;
CREATE TRIGGER note_ever_public BEFORE INSERT OR UPDATE OF status ON events FOR EACH ROW EXECUTE FUNCTION note_ever_public();

-- As in 0009, with a third argument: which former rows (`f`) leave their slug behind.
CREATE OR REPLACE FUNCTION keep_former_slugs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    taken text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        EXECUTE format(
            'INSERT INTO %I (slug, owner_id) SELECT f.slug, f.id FROM former f JOIN changed c USING (id) WHERE f.slug <> c.slug AND %s
             ON CONFLICT (slug) DO NOTHING', TG_ARGV[0], coalesce(TG_ARGV[2], 'true'));
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
DROP TRIGGER keep_former_slugs_update ON events;
CREATE TRIGGER keep_former_slugs_update AFTER UPDATE ON events REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION keep_former_slugs('former_event_slugs', 'events_slug_key', 'f.ever_public');

-- Other spellings are looked for among words that everybody may see. The words of an event are learnt when its listing says that it is
-- public. `refresh_event_listings` goes on calling the old name, with the words of drafts too, which does nothing any more.
ALTER FUNCTION add_search_terms(text[]) RENAME TO learn_search_terms;
CREATE FUNCTION add_search_terms(folded text[]) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION learn_search_terms_of_listings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM learn_search_terms(ARRAY(
        WITH shown AS (SELECT event_id FROM changed WHERE status NOT IN ('DRAFT', 'SCHEDULED'))
        SELECT DISTINCT fold(line) FROM (
            SELECT e.title FROM shown JOIN events e ON e.id = shown.event_id
            UNION ALL
            SELECT g.name FROM shown JOIN event_tags x USING (event_id) JOIN tags g ON g.id = x.tag_id
        ) AS lines (line)
    ));
    RETURN NULL;
END
$$;
CREATE TRIGGER learn_search_terms_insert AFTER INSERT ON event_listings REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION learn_search_terms_of_listings();
CREATE TRIGGER learn_search_terms_update AFTER UPDATE ON event_listings REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION learn_search_terms_of_listings();
CREATE OR REPLACE FUNCTION add_search_terms_of_venues() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM learn_search_terms(ARRAY(SELECT fold(name || ' ' || city) FROM changed));
    RETURN NULL;
END
$$;

-- Without the words that only drafts have. Others that nothing has any more stay, as they always did, and so do those of what will be
-- public by itself.
CREATE TEMPORARY TABLE terms_before ON COMMIT DROP AS SELECT term FROM search_terms;
DELETE FROM search_terms;
SELECT learn_search_terms(ARRAY(
    SELECT DISTINCT fold(line) FROM (
        SELECT title FROM events WHERE status <> 'DRAFT'
        UNION ALL
        SELECT g.name FROM tags g
        WHERE EXISTS (SELECT FROM event_tags x JOIN events e ON e.id = x.event_id WHERE x.tag_id = g.id AND e.status <> 'DRAFT')
        UNION ALL
        SELECT name || ' ' || city FROM venues
    ) AS lines (line)
));
CREATE TEMPORARY TABLE terms_shown ON COMMIT DROP AS SELECT term FROM search_terms;
SELECT learn_search_terms(ARRAY(
    SELECT DISTINCT fold(line) FROM (
        SELECT title FROM events WHERE status = 'DRAFT'
        UNION ALL
        SELECT g.name FROM tags g
        WHERE EXISTS (SELECT FROM event_tags x JOIN events e ON e.id = x.event_id WHERE x.tag_id = g.id AND e.status = 'DRAFT')
    ) AS lines (line)
));
DELETE FROM terms_before b USING search_terms s
WHERE s.term = b.term AND NOT EXISTS (SELECT FROM terms_shown p WHERE p.term = b.term);
DELETE FROM search_terms;
INSERT INTO search_terms SELECT term FROM terms_before;
ANALYZE search_terms;
