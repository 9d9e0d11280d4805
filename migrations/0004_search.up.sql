-- What the public catalogue is searched by. One row an event in `event_listings` has all that lists filter and sort by, kept by
-- triggers, so that each page is one walk along one index, however many tables the answer comes from. Nothing of it changes with
-- a booking: counters stay where they are.

-- A folded text in words, as the parser of the text search takes them:
-- - letters with points between are one word (`r.e.m.` is `rem`); words that something else joins are several (`ac/dc`, `hip-hop`,
--   `oper.example`), because the parser takes a path, a compound or a host for one;
-- - characters of Chinese, Japanese and Korean are a word each: they are written without spaces, and a phrase of characters finds a part.
CREATE FUNCTION search_text(folded text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN regexp_replace(regexp_replace(regexp_replace(folded,
        '(?<=\m[[:alpha:]])\.(?=[[:alpha:]]\M)', '', 'g'),
        '[/\\_~|&+=@#*-]|(?<=[[:alpha:]])[.:,''’](?=[[:alnum:]])', ' ', 'g'),
        '([\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3131-\u318e\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c\uac00-\ud7fb\uf900-\ufaff\U00020000-\U000323af])',
        ' \1 ', 'g');

-- What is found by, with weights: A title, B tags, venue and city, C summary, D description. Nobody says which language
-- an event is written in, and many are written in two: so each word is there in the stems of every language that the server
-- speaks, and a query asks in all of them. Arguments are folded.
CREATE FUNCTION search_words(config regconfig, title text, names text, summary text, description text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN setweight(to_tsvector(config, title), 'A') || setweight(to_tsvector(config, names), 'B')
        || setweight(to_tsvector(config, summary), 'C') || to_tsvector(config, description);

-- Arguments are folded. Each is taken apart once, and not once a language: a sub-select is not put into its place three times.
CREATE FUNCTION search_words(title text, names text, summary text, description text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT search_words('pg_catalog.english'::regconfig, w.title, w.names, w.summary, w.description)
                || search_words('pg_catalog.german'::regconfig, w.title, w.names, w.summary, w.description)
                || search_words('pg_catalog.french'::regconfig, w.title, w.names, w.summary, w.description)
            FROM (SELECT search_text($1) AS title, search_text($2) AS names, search_text($3) AS summary,
                         search_text($4) AS description OFFSET 0) AS w);

-- A query in the stems of all languages, each once: most words have the same stem everywhere.
CREATE FUNCTION search_query(english tsquery, german tsquery, french tsquery) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN english || CASE WHEN german = english THEN '' ELSE german END
        || CASE WHEN french = english OR french = german THEN '' ELSE french END;

-- What people type ("phrases", -without, or) as a query. A word that one language leaves out (the, der, le) counts in the others, so
-- `the who` is found. What is unwanted is so in every language: `-dancing` leaves out what has `dance`.
CREATE FUNCTION search_query(typed text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    part text[];
    said text;
    wanted text := '';
    phrase tsquery;
    unwanted tsquery;
    query tsquery;
BEGIN
    FOR part IN SELECT regexp_matches(fold(typed), '(-*)("[^"]*"?|[^[:space:]"]+)', 'g') LOOP
        IF part[1] = '' AND part[2] = 'or' THEN
            wanted := wanted || ' or';
            CONTINUE;
        END IF;
        said := btrim(search_text(replace(part[2], '"', ' ')));
        IF part[1] = '' THEN
            -- What was one word may be several now, which then follow each other.
            wanted := wanted || CASE WHEN said = '' THEN '' ELSE ' "' || said || '"' END;
        ELSE
            phrase := search_query(phraseto_tsquery('pg_catalog.english', said), phraseto_tsquery('pg_catalog.german', said),
                                   phraseto_tsquery('pg_catalog.french', said));
            unwanted := coalesce(unwanted || phrase, phrase);
        END IF;
    END LOOP;
    query := search_query(websearch_to_tsquery('pg_catalog.english', wanted), websearch_to_tsquery('pg_catalog.german', wanted),
                          websearch_to_tsquery('pg_catalog.french', wanted));
    RETURN CASE WHEN numnode(unwanted) > 0 AND numnode(query) > 0 THEN query && !! unwanted ELSE query END;
END
$$;

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

-- A short word, and each that is one letter shorter. Two words have one of these in common if they are a slip apart: a letter too many, too
-- few, another one, or two swapped. Trigrams find none of them in a word of five letters. Longer words they find well.
CREATE FUNCTION one_letter_less(word text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN length(word) > 12 THEN '{}' ELSE ARRAY(
        SELECT word UNION SELECT left(word, n - 1) || substr(word, n + 1) FROM generate_series(1, length(word)) AS n
    ) END;

-- Every word of a title, a tag, a venue or a city: what a misspelt word is compared with. Only of what everybody may see. Words are
-- never taken out: one that nothing has any more finds nothing.
CREATE TABLE search_terms (
    term text COLLATE "C" PRIMARY KEY
);
CREATE INDEX search_terms_similar_idx ON search_terms USING gin (term gin_trgm_ops) WITH (fastupdate = off);
CREATE INDEX search_terms_slips_idx ON search_terms USING gin (one_letter_less(term)) WITH (fastupdate = off);

CREATE FUNCTION add_search_terms(folded text[]) RETURNS void LANGUAGE sql AS $$
    -- In order, so that two that add the same words wait for each other instead of dead-locking.
    INSERT INTO search_terms
    SELECT DISTINCT term COLLATE "C" FROM unnest(folded) AS line,
        unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', search_text(line)))) AS term
    WHERE length(term) BETWEEN 3 AND 40 AND term ~ '[^0-9.:/-]'
    ORDER BY 1
    ON CONFLICT DO NOTHING
$$;

-- One row an event, whatever its status.
CREATE TABLE event_listings (
    event_id       uuid PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    status         event_status NOT NULL,
    starts_at      timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    venue_id       uuid NOT NULL,
    category       text COLLATE "C" NOT NULL,
    -- Folded.
    city_key       text COLLATE "C" NOT NULL,
    -- Folded, and cut to what an order needs.
    title_key      text COLLATE "C" NOT NULL,
    -- Slugs.
    tags           text[] COLLATE "C" NOT NULL,
    -- Of ticket types that have no window of their own.
    sale_starts_at timestamptz NOT NULL,
    sale_ends_at   timestamptz NOT NULL,
    -- Of the cheapest and of the dearest ticket type that is not hidden; NULL without any.
    price_min      numeric(14, 3),
    price_max      numeric(14, 3),
    -- In the order by price an event without ticket types costs nothing.
    price_key      numeric(14, 3) NOT NULL GENERATED ALWAYS AS (coalesce(price_min, 0)) STORED,
    words          tsvector NOT NULL,
    series_id      uuid,
    -- The words of the title; of the title, tags, venue and city; of these and the summary. Each rank is found by its own index and
    -- counted by the planner's own statistics: those of `words` can't tell a word of titles from one of descriptions.
    title_words    tsvector NOT NULL GENERATED ALWAYS AS (ts_filter(words, '{a}')) STORED,
    name_words     tsvector NOT NULL GENERATED ALWAYS AS (ts_filter(words, '{a,b}')) STORED,
    summary_words  tsvector NOT NULL GENERATED ALWAYS AS (ts_filter(words, '{a,b,c}')) STORED,
    ends_at        timestamptz NOT NULL
);
-- One index a sort, and one a filter in the default order. Prices and categories go along: they are seldom what finds an event, and
-- often what leaves one out, without visiting the table. Lists show published events unless another status is asked for, and leave out
-- what is over.
CREATE INDEX event_listings_starts_idx ON event_listings (starts_at, event_id) INCLUDE (price_min, price_max, ends_at)
    WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_title_idx ON event_listings (title_key, event_id) INCLUDE (category) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_price_idx ON event_listings (price_key, event_id) INCLUDE (category, price_min, price_max)
    WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_created_idx ON event_listings (created_at, event_id) INCLUDE (category) WHERE status = 'PUBLISHED';
-- By their ends, and which one ends next.
CREATE INDEX event_listings_ends_idx ON event_listings (ends_at, event_id) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_category_idx ON event_listings (category, starts_at, event_id) INCLUDE (ends_at)
    WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_city_idx ON event_listings (city_key, starts_at, event_id) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_venue_idx ON event_listings (venue_id, starts_at, event_id) WHERE status = 'PUBLISHED';
CREATE INDEX event_listings_status_idx ON event_listings (status, starts_at, event_id);
-- The public list of a series. Of all states: a series is small.
CREATE INDEX event_listings_series_idx ON event_listings (series_id, starts_at, event_id) WHERE series_id IS NOT NULL;
-- How long the longest event takes: what began before that is over, so that a walk along the beginnings need not begin with the first
-- event there ever was.
CREATE INDEX event_listings_length_idx ON event_listings ((ends_at - starts_at)) WHERE status = 'PUBLISHED';
-- Few entries wait in these to be sorted in, because every search reads those that wait.
CREATE INDEX event_listings_tags_idx ON event_listings USING gin (tags) WITH (gin_pending_list_limit = 128);
CREATE INDEX event_listings_words_idx ON event_listings USING gin (words) WITH (gin_pending_list_limit = 128);
CREATE INDEX event_listings_title_words_idx ON event_listings USING gin (title_words) WITH (gin_pending_list_limit = 128);
CREATE INDEX event_listings_name_words_idx ON event_listings USING gin (name_words) WITH (gin_pending_list_limit = 128);
CREATE INDEX event_listings_summary_words_idx ON event_listings USING gin (summary_words) WITH (gin_pending_list_limit = 128);

-- Brings the listings of these events up to date.
CREATE FUNCTION refresh_event_listings(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Two transactions may change different things of one event. The later one waits here, and the next statement, with a
    -- snapshot of its own, sees what the other has committed.
    PERFORM FROM event_listings WHERE event_id = ANY (ids) ORDER BY event_id FOR UPDATE;
    INSERT INTO event_listings AS l (event_id, status, starts_at, ends_at, created_at, venue_id, category, city_key, title_key, tags,
                                     sale_starts_at, sale_ends_at, price_min, price_max, words, series_id)
    SELECT id, status, starts_at, ends_at, created_at, venue_id, category, city, left(title, 100), slugs, sale_starts_at, sale_ends_at,
           lowest, highest,
           search_words(title, names, summary, description), series_id
    FROM (
        SELECT e.id, e.status, e.starts_at, e.ends_at, e.created_at, e.venue_id, e.category, e.sale_starts_at, e.sale_ends_at,
               e.series_id,
               fold(v.city) AS city, fold(e.title) AS title,
               fold(concat_ws(' ', t.names, v.name, v.city)) AS names, fold(e.summary) AS summary,
               fold(e.description) AS description, coalesce(t.slugs, '{}') AS slugs, p.lowest, p.highest
        FROM unnest(ids) AS wanted (id) JOIN events e USING (id) JOIN venues v ON v.id = e.venue_id
        CROSS JOIN LATERAL (
            SELECT min(price) AS lowest, max(price) AS highest FROM ticket_types WHERE event_id = e.id AND NOT hidden
        ) AS p
        CROSS JOIN LATERAL (
            SELECT array_agg(g.slug ORDER BY g.slug) AS slugs, string_agg(g.name, ' ' ORDER BY g.slug) AS names
            FROM event_tags x JOIN tags g ON g.id = x.tag_id WHERE x.event_id = e.id
        ) AS t
        OFFSET 0 -- each text is folded once, not once a language
    ) AS folded
    ON CONFLICT (event_id) DO UPDATE
    SET status = excluded.status, starts_at = excluded.starts_at, ends_at = excluded.ends_at, created_at = excluded.created_at,
        venue_id = excluded.venue_id, category = excluded.category, city_key = excluded.city_key, title_key = excluded.title_key,
        tags = excluded.tags, sale_starts_at = excluded.sale_starts_at, sale_ends_at = excluded.sale_ends_at,
        price_min = excluded.price_min, price_max = excluded.price_max, words = excluded.words, series_id = excluded.series_id;
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
         WHERE (c.title, c.summary, c.description, c.category, c.status, c.starts_at, c.ends_at, c.created_at, c.venue_id,
                c.sale_starts_at, c.sale_ends_at, c.series_id)
             IS DISTINCT FROM (f.title, f.summary, f.description, f.category, f.status, f.starts_at, f.ends_at, f.created_at, f.venue_id,
                               f.sale_starts_at, f.sale_ends_at, f.series_id)');

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
        'SELECT c.event_id FROM changed c JOIN former f USING (id) WHERE (c.event_id, c.price, c.hidden) <> (f.event_id, f.price, f.hidden)');

CREATE TRIGGER follow_event_listings_update AFTER UPDATE ON tags REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings(
        'SELECT x.event_id FROM changed c JOIN former f USING (id) JOIN event_tags x ON x.tag_id = c.id
         WHERE (c.slug, c.name) <> (f.slug, f.name)');
CREATE TRIGGER follow_event_listings_update AFTER UPDATE ON venues REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_event_listings(
        'SELECT e.id FROM changed c JOIN former f USING (id) JOIN events e ON e.venue_id = c.id
         WHERE (c.name, c.city) <> (f.name, f.city)');

-- The words of an event are learnt when its listing says that it is public.
CREATE FUNCTION add_search_terms_of_listings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_search_terms(ARRAY(
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
CREATE TRIGGER add_search_terms_insert AFTER INSERT ON event_listings REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION add_search_terms_of_listings();
CREATE TRIGGER add_search_terms_update AFTER UPDATE ON event_listings REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION add_search_terms_of_listings();

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

-- Venues are few, and all that they are found by is in their own row.
ALTER TABLE venues
    -- Folded, and cut to what an order needs.
    ADD COLUMN name_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (left(fold(name), 100)) STORED,
    -- Folded.
    ADD COLUMN city_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (fold(city)) STORED,
    ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS
        (search_words(fold(name), fold(city), fold(address), fold(description))) STORED;
CREATE INDEX venues_name_key_idx ON venues (name_key, id);
CREATE INDEX venues_city_key_idx ON venues (city_key, id);
CREATE INDEX venues_country_idx ON venues (country, name_key, id);
CREATE INDEX venues_capacity_idx ON venues (capacity, id);
CREATE INDEX venues_created_idx ON venues (created_at, id);
CREATE INDEX venues_words_idx ON venues USING gin (words) WITH (fastupdate = off);

-- Of what there is already, when this file was taken back and comes again.
SELECT refresh_event_listings(ARRAY(SELECT id FROM events));
SELECT add_search_terms(ARRAY(SELECT fold(name || ' ' || city) FROM venues));
