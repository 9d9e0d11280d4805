DROP INDEX seat_maps_name_fold_idx, events_title_fold_idx, profiles_name_fold_idx, accounts_email_fold_idx, search_terms_slips_idx;

CREATE OR REPLACE FUNCTION add_search_terms(folded text[]) RETURNS void LANGUAGE sql AS $$
    -- In order, so that two that add the same words wait for each other instead of dead-locking.
    INSERT INTO search_terms
    SELECT DISTINCT term COLLATE "C" FROM unnest(folded) AS line, unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', line))) AS term
    WHERE length(term) BETWEEN 3 AND 40 AND term ~ '[^0-9.:/-]'
    ORDER BY 1
    ON CONFLICT DO NOTHING
$$;

CREATE OR REPLACE FUNCTION search_query(typed text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN search_query(websearch_to_tsquery('pg_catalog.english'::regconfig, fold(typed)),
                        websearch_to_tsquery('pg_catalog.german'::regconfig, fold(typed)),
                        websearch_to_tsquery('pg_catalog.french'::regconfig, fold(typed)));

CREATE OR REPLACE FUNCTION search_words(title text, names text, summary text, description text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN search_words('pg_catalog.english'::regconfig, title, names, summary, description)
        || search_words('pg_catalog.german'::regconfig, title, names, summary, description)
        || search_words('pg_catalog.french'::regconfig, title, names, summary, description);

CREATE OR REPLACE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(unaccent('unaccent'::regdictionary, $1));

DROP FUNCTION one_letter_less(text), part_pattern(text), search_text(text);

UPDATE venues SET name = name, city = city
WHERE words IS DISTINCT FROM search_words(fold(name), fold(city), fold(address), fold(description))
    OR name_key <> left(fold(name), 100) OR city_key <> fold(city);
SELECT refresh_event_listings(ARRAY(SELECT id FROM events));
SELECT add_search_terms(ARRAY(SELECT fold(name || ' ' || city) FROM venues));
