-- What the public catalogue is searched by. One row an event in `event_listings` has all that lists filter and sort by, kept by
-- triggers, so that each page is one walk along one index, however many tables the answer comes from. Nothing of it changes with
-- a booking: counters stay where they are.

DO $$
DECLARE
    missing text;
BEGIN
    SELECT string_agg(name, ', ') INTO missing FROM unnest(ARRAY['pg_trgm', 'unaccent']) AS wanted (name)
    WHERE name NOT IN (SELECT a.name FROM pg_available_extensions a);
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'this PostgreSQL lacks %: install its contrib modules (Debian: postgresql-contrib), then migrate again', missing
            USING ERRCODE = 'feature_not_supported';
    END IF;
END
$$;
-- Both are trusted: the owner of the database may make them.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;

-- Without accents and in lower case: how everything is compared that people type. Immutable as long as nobody edits the rules
-- of `unaccent` on the server; who does, reindexes.
CREATE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(unaccent('unaccent'::regdictionary, $1));

-- What is found by, with weights: A title, B tags, venue and city, C summary, D description. Nobody says which language
-- an event is written in, and many are written in two: so each word is there in the stems of every language that the server
-- speaks, and a query asks in all of them. Arguments are folded.
CREATE FUNCTION search_words(config regconfig, title text, names text, summary text, description text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN setweight(to_tsvector(config, title), 'A') || setweight(to_tsvector(config, names), 'B')
        || setweight(to_tsvector(config, summary), 'C') || to_tsvector(config, description);

CREATE FUNCTION search_words(title text, names text, summary text, description text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN search_words('pg_catalog.english'::regconfig, title, names, summary, description)
        || search_words('pg_catalog.german'::regconfig, title, names, summary, description)
        || search_words('pg_catalog.french'::regconfig, title, names, summary, description);

-- What people type ("phrases", -without, or) in the same stems, each query once: most words have the same stem everywhere. A word
-- that one language leaves out (the, der, le) counts in the others, so `the who` is found.
CREATE FUNCTION search_query(english tsquery, german tsquery, french tsquery) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN english || CASE WHEN german = english THEN '' ELSE german END
        || CASE WHEN french = english OR french = german THEN '' ELSE french END;

CREATE FUNCTION search_query(typed text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN search_query(websearch_to_tsquery('pg_catalog.english'::regconfig, fold(typed)),
                        websearch_to_tsquery('pg_catalog.german'::regconfig, fold(typed)),
                        websearch_to_tsquery('pg_catalog.french'::regconfig, fold(typed)));

-- Any of several spellings.
CREATE FUNCTION search_query(spellings text[]) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    wanted tsquery := '';
    spelling text;
BEGIN
    FOREACH spelling IN ARRAY spellings LOOP
        wanted := wanted || search_query(spelling);
    END LOOP;
    RETURN wanted;
END
$$;

-- Every word of a title, a tag, a venue or a city: what a misspelt word is compared with. Words are never taken out: one that
-- nothing has any more finds nothing.
CREATE TABLE search_terms (
    term text COLLATE "C" PRIMARY KEY
);
CREATE INDEX search_terms_similar_idx ON search_terms USING gin (term gin_trgm_ops) WITH (fastupdate = off);

CREATE FUNCTION add_search_terms(folded text[]) RETURNS void LANGUAGE sql AS $$
    -- In order, so that two that add the same words wait for each other instead of dead-locking.
    INSERT INTO search_terms
    SELECT DISTINCT term COLLATE "C" FROM unnest(folded) AS line, unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', line))) AS term
    WHERE length(term) BETWEEN 3 AND 40 AND term ~ '[^0-9.:/-]'
    ORDER BY 1
    ON CONFLICT DO NOTHING
$$;

CREATE TABLE event_listings (
    event_id   uuid PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    status     event_status NOT NULL,
    starts_at  timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    venue_id   uuid NOT NULL,
    category   text COLLATE "C" NOT NULL,
    -- Folded.
    city       text COLLATE "C" NOT NULL,
    -- Folded, and cut to what an order needs.
    title      text COLLATE "C" NOT NULL,
    -- Slugs.
    tags       text[] COLLATE "C" NOT NULL,
    -- Of ticket types that have no window of their own.
    sale_starts_at timestamptz NOT NULL,
    sale_ends_at   timestamptz NOT NULL,
    -- Of the cheapest and of the dearest ticket type; NULL without any.
    price_min  numeric(14, 3),
    price_max  numeric(14, 3),
    -- In the order by price an event without ticket types costs nothing.
    price      numeric(14, 3) NOT NULL GENERATED ALWAYS AS (coalesce(price_min, 0)) STORED,
    words      tsvector NOT NULL
);

-- Brings the listings of these events up to date.
CREATE FUNCTION refresh_event_listings(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
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

-- After a change of what listings are made of. The argument says how the changed rows lead to their events. Who changes a hundred
-- thousand rows in one transaction says `SET LOCAL boxoffice.event_listings = 'later'`, and refreshes once at its end.
CREATE FUNCTION follow_event_listings() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ids uuid[];
BEGIN
    IF current_setting('boxoffice.event_listings', true) = 'later' THEN
        RETURN NULL;
    END IF;
    EXECUTE 'SELECT array_agg(DISTINCT id) FROM (' || TG_ARGV[0] || ') AS found (id)' INTO ids;
    IF ids IS NOT NULL THEN
        PERFORM refresh_event_listings(ids);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER follow_event_listings_insert AFTER INSERT ON events REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings('SELECT id FROM changed');
CREATE TRIGGER follow_event_listings_update AFTER UPDATE ON events REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings(
        'SELECT c.id FROM changed c JOIN former f USING (id)
         WHERE (c.title, c.summary, c.description, c.category, c.status, c.starts_at, c.created_at, c.venue_id, c.sale_starts_at,
                c.sale_ends_at)
             IS DISTINCT FROM (f.title, f.summary, f.description, f.category, f.status, f.starts_at, f.created_at, f.venue_id,
                               f.sale_starts_at, f.sale_ends_at)');

CREATE TRIGGER follow_event_listings_insert AFTER INSERT ON event_tags REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings('SELECT event_id FROM changed');
CREATE TRIGGER follow_event_listings_delete AFTER DELETE ON event_tags REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings('SELECT event_id FROM changed');
CREATE TRIGGER follow_event_listings_update AFTER UPDATE ON event_tags REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings(
        'SELECT event_id FROM changed UNION SELECT event_id FROM former');

CREATE TRIGGER follow_event_listings_insert AFTER INSERT ON ticket_types REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings('SELECT event_id FROM changed');
CREATE TRIGGER follow_event_listings_delete AFTER DELETE ON ticket_types REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings('SELECT event_id FROM changed');
CREATE TRIGGER follow_event_listings_update AFTER UPDATE ON ticket_types REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings(
        'SELECT c.event_id FROM changed c JOIN former f USING (id) WHERE (c.event_id, c.price) <> (f.event_id, f.price)');

CREATE TRIGGER follow_event_listings_update AFTER UPDATE ON tags REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings(
        'SELECT x.event_id FROM changed c JOIN former f USING (id) JOIN event_tags x ON x.tag_id = c.id
         WHERE (c.slug, c.name) <> (f.slug, f.name)');
CREATE TRIGGER follow_event_listings_update AFTER UPDATE ON venues REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings(
        'SELECT e.id FROM changed c JOIN former f USING (id) JOIN events e ON e.venue_id = c.id
         WHERE (c.name, c.city) <> (f.name, f.city)');

CREATE FUNCTION add_search_terms_of_venues() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_search_terms(ARRAY(SELECT fold(name || ' ' || city) FROM changed));
    RETURN NULL;
END
$$;
CREATE TRIGGER add_search_terms_insert AFTER INSERT ON venues REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION add_search_terms_of_venues();
CREATE TRIGGER add_search_terms_update AFTER UPDATE ON venues REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION add_search_terms_of_venues();

-- Slugs that were once an event's or a venue's and lead to its present one. Nobody else gets them: a printed link must not
-- lead to another evening.
CREATE TABLE former_event_slugs (
    slug       text PRIMARY KEY,
    owner_id   uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    retired_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX former_event_slugs_owner_idx ON former_event_slugs (owner_id);
CREATE TABLE former_venue_slugs (
    slug       text PRIMARY KEY,
    owner_id   uuid NOT NULL REFERENCES venues ON DELETE CASCADE,
    retired_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX former_venue_slugs_owner_idx ON former_venue_slugs (owner_id);

-- Keeps the slug that a row gives up, and refuses one that another row gave up. Arguments: the table of former slugs, the
-- constraint by which callers know a taken slug.
CREATE FUNCTION keep_former_slugs() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER keep_former_slugs_insert AFTER INSERT ON events REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION keep_former_slugs('former_event_slugs', 'events_slug_key');
CREATE TRIGGER keep_former_slugs_update AFTER UPDATE ON events REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION keep_former_slugs('former_event_slugs', 'events_slug_key');
CREATE TRIGGER keep_former_slugs_insert AFTER INSERT ON venues REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION keep_former_slugs('former_venue_slugs', 'venues_slug_key');
CREATE TRIGGER keep_former_slugs_update AFTER UPDATE ON venues REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION keep_former_slugs('former_venue_slugs', 'venues_slug_key');

-- What there is already. Before the indexes: they are built faster than they grow.
SELECT refresh_event_listings(ARRAY(SELECT id FROM events));
SELECT add_search_terms(ARRAY(SELECT fold(name || ' ' || city) FROM venues));

-- One index a sort, and one a filter in the default order. Prices go along: a range of them is seldom what finds an event, and
-- often what leaves one out. Lists show published events unless another status is asked for.
CREATE INDEX event_listings_starts_idx ON event_listings (starts_at, event_id) INCLUDE (price_min, price_max) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_title_idx ON event_listings (title, event_id) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_price_idx ON event_listings (price, event_id) INCLUDE (price_min, price_max) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_created_idx ON event_listings (created_at, event_id) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_category_idx ON event_listings (category, starts_at, event_id) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_city_idx ON event_listings (city, starts_at, event_id) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_venue_idx ON event_listings (venue_id, starts_at, event_id) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_status_idx ON event_listings (status, starts_at, event_id);
-- Few entries wait in these two to be sorted in, because every search reads those that wait.
CREATE INDEX event_listings_tags_idx ON event_listings USING gin (tags) WITH (gin_pending_list_limit = 128);
CREATE INDEX event_listings_words_idx ON event_listings USING gin (words) WITH (gin_pending_list_limit = 128);

-- Venues are few, and all that they are found by is in their own row. Last, because nobody can read them from here to the end.
ALTER TABLE venues
    ADD COLUMN name_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (left(fold(name), 100)) STORED,
    ADD COLUMN city_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (fold(city)) STORED,
    ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS
        (search_words(fold(name), fold(city), fold(address), fold(description))) STORED;

CREATE INDEX venues_name_key_idx ON venues (name_key, id);
CREATE INDEX venues_city_key_idx ON venues (city_key, id);
CREATE INDEX venues_country_idx ON venues (country, name_key, id);
CREATE INDEX venues_capacity_idx ON venues (capacity, id);
CREATE INDEX venues_created_idx ON venues (created_at, id);
CREATE INDEX venues_words_idx ON venues USING gin (words) WITH (fastupdate = off);

ANALYZE event_listings, search_terms, venues;
