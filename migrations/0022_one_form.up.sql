-- boxoffice: no-transaction
-- Texts have one form, and searches find words however they are joined, in scripts without spaces, and with a slip in a short word. Built
-- while the tables are in use; every statement may be repeated.

SET lock_timeout = '5s';

-- Composed (NFKC), without accents and in lower case: how everything is compared that people type.
CREATE OR REPLACE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(unaccent('unaccent'::regdictionary, normalize($1, NFKC)));

-- A folded text in words, as the parser of the text search takes them:
-- - letters with points between are one word (`r.e.m.` is `rem`); words that something else joins are several (`ac/dc`, `hip-hop`,
--   `oper.example`), because the parser takes a path, a compound or a host for one;
-- - characters of Chinese, Japanese and Korean are a word each: they are written without spaces, and a phrase of characters finds a part.
CREATE OR REPLACE FUNCTION search_text(folded text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN regexp_replace(regexp_replace(regexp_replace(folded,
        '(?<=\m[[:alpha:]])\.(?=[[:alpha:]]\M)', '', 'g'),
        '[/\\_~|&+=@#*-]|(?<=[[:alpha:]])[.:,''’](?=[[:alnum:]])', ' ', 'g'),
        '([\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3131-\u318e\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c\uac00-\ud7fb\uf900-\ufaff\U00020000-\U000323af])',
        ' \1 ', 'g');

-- Arguments are folded. Each is taken apart once, and not once a language: a sub-select is not put into its place three times.
CREATE OR REPLACE FUNCTION search_words(title text, names text, summary text, description text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT search_words('pg_catalog.english'::regconfig, w.title, w.names, w.summary, w.description)
                || search_words('pg_catalog.german'::regconfig, w.title, w.names, w.summary, w.description)
                || search_words('pg_catalog.french'::regconfig, w.title, w.names, w.summary, w.description)
            FROM (SELECT search_text($1) AS title, search_text($2) AS names, search_text($3) AS summary,
                         search_text($4) AS description OFFSET 0) AS w);

-- What people type ("phrases", -without, or) in the stems of all languages, each query once: most words have the same stem everywhere. A
-- word that one language leaves out (the, der, le) counts in the others, so `the who` is found. What is unwanted is so in every
-- language: `-dancing` leaves out what has `dance`.
CREATE OR REPLACE FUNCTION search_query(typed text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
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

-- The pattern of `LIKE` that finds a part of a folded text, whatever is in it.
CREATE OR REPLACE FUNCTION part_pattern(typed text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN '%' || replace(replace(replace(fold(typed), '\', '\\'), '%', '\%'), '_', '\_') || '%';

-- A short word, and each that is one letter shorter. Two words have one of these in common if they are a slip apart: a letter too many, too
-- few, another one, or two swapped. Trigrams find none of them in a word of five letters. Longer words they find well.
CREATE OR REPLACE FUNCTION one_letter_less(word text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN length(word) > 12 THEN '{}' ELSE ARRAY(
        SELECT word UNION SELECT left(word, n - 1) || substr(word, n + 1) FROM generate_series(1, length(word)) AS n
    ) END;

CREATE OR REPLACE FUNCTION add_search_terms(folded text[]) RETURNS void LANGUAGE sql AS $$
    -- In order, so that two that add the same words wait for each other instead of dead-locking.
    INSERT INTO search_terms
    SELECT DISTINCT term COLLATE "C" FROM unnest(folded) AS line,
        unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', search_text(line)))) AS term
    WHERE length(term) BETWEEN 3 AND 40 AND term ~ '[^0-9.:/-]'
    ORDER BY 1
    ON CONFLICT DO NOTHING
$$;

-- Waits of these hold nobody up.
RESET lock_timeout;
DROP INDEX CONCURRENTLY IF EXISTS search_terms_slips_idx;
CREATE INDEX CONCURRENTLY search_terms_slips_idx ON search_terms USING gin (one_letter_less(term)) WITH (fastupdate = off);

-- What organizers and admins look for, folded as the public search folds it. The indexes of what was compared before stay until no server
-- of before does.
DROP INDEX CONCURRENTLY IF EXISTS accounts_email_fold_idx;
CREATE INDEX CONCURRENTLY accounts_email_fold_idx ON accounts USING gin (fold(email) gin_trgm_ops);
DROP INDEX CONCURRENTLY IF EXISTS profiles_name_fold_idx;
CREATE INDEX CONCURRENTLY profiles_name_fold_idx ON profiles USING gin (fold(name) gin_trgm_ops);
DROP INDEX CONCURRENTLY IF EXISTS events_title_fold_idx;
CREATE INDEX CONCURRENTLY events_title_fold_idx ON events USING gin (fold(title) gin_trgm_ops) WITH (fastupdate = off);
DROP INDEX CONCURRENTLY IF EXISTS seat_maps_name_fold_idx;
CREATE INDEX CONCURRENTLY seat_maps_name_fold_idx ON seat_maps USING gin (fold(name) gin_trgm_ops) WITH (fastupdate = off);

SET lock_timeout = '5s';
-- Texts that are stored in another form. Labels of seats stay as they are: a version of a map never changes, and whoever compares them
-- composes them first.
UPDATE venues SET name = normalize(name, NFC), description = normalize(description, NFC), address = normalize(address, NFC),
    city = normalize(city, NFC)
WHERE NOT (name IS NFC NORMALIZED AND description IS NFC NORMALIZED AND address IS NFC NORMALIZED AND city IS NFC NORMALIZED);
UPDATE tags SET name = normalize(name, NFC) WHERE name IS NOT NFC NORMALIZED;
UPDATE categories SET name = normalize(name, NFC) WHERE name IS NOT NFC NORMALIZED;
UPDATE profiles SET name = normalize(name, NFC) WHERE name IS NOT NFC NORMALIZED;
UPDATE events SET title = normalize(title, NFC), summary = normalize(summary, NFC), description = normalize(description, NFC)
WHERE NOT (title IS NFC NORMALIZED AND summary IS NFC NORMALIZED AND description IS NFC NORMALIZED);

-- Domains of addresses as mail servers take them, in ASCII (RFC 3492). An address that somebody else has in that form stays.
CREATE OR REPLACE FUNCTION pg_temp.punycode(label text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    digits CONSTANT text := 'abcdefghijklmnopqrstuvwxyz0123456789';
    codes int[] := ARRAY(SELECT ascii(c) FROM regexp_split_to_table(label, '') WITH ORDINALITY AS s (c, n) ORDER BY n);
    plain text := regexp_replace(label, '[^\x01-\x7f]', '', 'g');
    written int := length(plain);
    encoded text := plain || CASE WHEN plain = '' THEN '' ELSE '-' END;
    next int := 128;
    bias int := 72;
    delta bigint := 0;
    code int;
    least_code int;
    q bigint;
    k int;
    threshold int;
BEGIN
    IF length(plain) = length(label) THEN
        RETURN label;
    END IF;
    WHILE written < cardinality(codes) LOOP
        SELECT min(c) INTO least_code FROM unnest(codes) AS c WHERE c >= next;
        delta := delta + (least_code - next)::bigint * (written + 1);
        next := least_code;
        FOREACH code IN ARRAY codes LOOP
            IF code < next THEN
                delta := delta + 1;
            ELSIF code = next THEN
                q := delta;
                k := 36;
                LOOP
                    threshold := greatest(1, least(26, k - bias));
                    EXIT WHEN q < threshold;
                    encoded := encoded || substr(digits, (threshold + (q - threshold) % (36 - threshold))::int + 1, 1);
                    q := (q - threshold) / (36 - threshold);
                    k := k + 36;
                END LOOP;
                encoded := encoded || substr(digits, q::int + 1, 1);
                q := CASE WHEN written = length(plain) THEN delta / 700 ELSE delta / 2 END;
                q := q + q / (written + 1);
                k := 0;
                WHILE q > 455 LOOP
                    q := q / 35;
                    k := k + 36;
                END LOOP;
                bias := k + (36 * q / (q + 38))::int;
                delta := 0;
                written := written + 1;
            END IF;
        END LOOP;
        delta := delta + 1;
        next := next + 1;
    END LOOP;
    RETURN 'xn--' || encoded;
END
$$;
CREATE OR REPLACE FUNCTION pg_temp.in_ascii(email text) RETURNS text LANGUAGE sql AS $$
    SELECT substring(email FROM '^(.*@)') || string_agg(pg_temp.punycode(label), '.' ORDER BY n)
    FROM regexp_split_to_table(normalize(substring(email FROM '[^@]*$'), NFKC), '\.') WITH ORDINALITY AS s (label, n)
$$;
UPDATE accounts a SET email = pg_temp.in_ascii(email)
WHERE email ~ '@[^@]*[^\x01-\x7f][^@]*$' AND NOT EXISTS (SELECT FROM accounts o WHERE o.email = pg_temp.in_ascii(a.email));

-- Time zones in the spelling of the database of time zones. What names the zone of a machine says nothing: the event's is that of its venue.
UPDATE venues v SET time_zone = 'UTC' WHERE lower(time_zone) IN ('localtime', 'posixrules', 'factory');
UPDATE venues v SET time_zone = n.name FROM pg_timezone_names n
WHERE lower(n.name) = lower(v.time_zone) AND n.name <> v.time_zone;
UPDATE events e SET time_zone = v.time_zone FROM venues v
WHERE v.id = e.venue_id AND lower(e.time_zone) IN ('localtime', 'posixrules', 'factory');
UPDATE events e SET time_zone = n.name FROM pg_timezone_names n
WHERE lower(n.name) = lower(e.time_zone) AND n.name <> e.time_zone;

-- The words of what is there already, where they are other ones now.
UPDATE venues SET name = name, city = city
WHERE words IS DISTINCT FROM search_words(fold(name), fold(city), fold(address), fold(description))
    OR name_key <> left(fold(name), 100) OR city_key <> fold(city);
DO $$
DECLARE
    ids uuid[];
    last uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    LOOP
        SELECT array_agg(id ORDER BY id) INTO ids FROM (SELECT id FROM events WHERE id > last ORDER BY id LIMIT 1000) AS next;
        EXIT WHEN ids IS NULL;
        PERFORM refresh_event_listings(ids);
        last := ids[cardinality(ids)];
        COMMIT;
    END LOOP;
END
$$;
SELECT add_search_terms(ARRAY(SELECT fold(name || ' ' || city) FROM venues));
ANALYZE search_terms, accounts, profiles, events, seat_maps;
RESET lock_timeout;
