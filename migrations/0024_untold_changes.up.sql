-- What tells installations apart that share a Redis. A database that was copied has the place of another one here, and gets an id of its
-- own when a server starts on it.
CREATE TABLE installation (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    id        uuid NOT NULL DEFAULT gen_random_uuid(),
    -- The cluster and the database in it; NULL until a server has started.
    place     text
);
INSERT INTO installation DEFAULT VALUES;

-- Changes of what everybody may see, written down by the transaction that makes them, until some server has told the shared cache: so a
-- server that dies after its commit, or can't reach what is shared, leaves nothing untold.
CREATE TABLE untold_changes (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- What answers show that end with it, as the cache of answers names it; or 'everything'.
    tags text[] NOT NULL
);
CREATE INDEX untold_changes_at_idx ON untold_changes (at);

-- Writes down one statement's changes. The argument says how the changed rows lead to what shows them.
CREATE FUNCTION write_down_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    shown text[];
BEGIN
    EXECUTE 'SELECT array_agg(DISTINCT tag) FROM (' || TG_ARGV[0] || ') AS found (tag) WHERE tag IS NOT NULL' INTO shown;
    IF cardinality(shown) > 200 THEN
        shown := '{everything}';
    END IF;
    IF shown IS NOT NULL THEN
        INSERT INTO untold_changes (tags) VALUES (shown);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER write_down_change_insert AFTER INSERT ON events REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT unnest(ARRAY[''event:'' || id, ''series:'' || series_id, ''events'']) FROM changed');
CREATE TRIGGER write_down_change_delete AFTER DELETE ON events REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT unnest(ARRAY[''event:'' || id, ''series:'' || series_id, ''events'']) FROM changed');
CREATE TRIGGER write_down_change_update AFTER UPDATE ON events REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT unnest(ARRAY[''event:'' || c.id, ''series:'' || c.series_id, ''series:'' || f.series_id, ''events''])
         FROM changed c JOIN former f USING (id) WHERE to_jsonb(c) <> to_jsonb(f)');

CREATE TRIGGER write_down_change_insert AFTER INSERT ON ticket_types REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT unnest(ARRAY[''event:'' || event_id, ''events'']) FROM changed');
CREATE TRIGGER write_down_change_delete AFTER DELETE ON ticket_types REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT unnest(ARRAY[''event:'' || event_id, ''events'']) FROM changed');
-- But for what the ledger notes there, which nobody sees.
CREATE TRIGGER write_down_change_update AFTER UPDATE ON ticket_types REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT unnest(ARRAY[''event:'' || c.event_id, ''event:'' || f.event_id, ''events''])
         FROM changed c JOIN former f USING (id) WHERE to_jsonb(c) - ''ever_taken'' <> to_jsonb(f) - ''ever_taken''');

-- Their types are there, or have told by themselves that they went.
CREATE TRIGGER write_down_change_insert AFTER INSERT ON ticket_type_sections REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT ''event:'' || t.event_id FROM changed c JOIN ticket_types t ON t.id = c.ticket_type_id');
CREATE TRIGGER write_down_change_delete AFTER DELETE ON ticket_type_sections REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT ''event:'' || t.event_id FROM changed c JOIN ticket_types t ON t.id = c.ticket_type_id');

CREATE TRIGGER write_down_change_insert AFTER INSERT ON event_tags REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT unnest(ARRAY[''event:'' || event_id, ''events'']) FROM changed');
CREATE TRIGGER write_down_change_delete AFTER DELETE ON event_tags REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT unnest(ARRAY[''event:'' || event_id, ''events'']) FROM changed');

-- A new tag is on no event yet. A new category may be the name of what events have already.
CREATE TRIGGER write_down_change_update AFTER UPDATE ON tags REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT ''vocabulary'' FROM changed c JOIN former f USING (id) WHERE to_jsonb(c) <> to_jsonb(f)');
CREATE TRIGGER write_down_change_delete AFTER DELETE ON tags REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change('SELECT ''vocabulary'' FROM changed');
CREATE TRIGGER write_down_change_insert AFTER INSERT ON categories REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change('SELECT ''vocabulary'' FROM changed');
CREATE TRIGGER write_down_change_update AFTER UPDATE ON categories REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT ''vocabulary'' FROM changed WHERE to_jsonb(changed) NOT IN (SELECT to_jsonb(former) FROM former)');
CREATE TRIGGER write_down_change_delete AFTER DELETE ON categories REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change('SELECT ''vocabulary'' FROM changed');

CREATE TRIGGER write_down_change_insert AFTER INSERT ON venues REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change('SELECT ''venues'' FROM changed');
CREATE TRIGGER write_down_change_update AFTER UPDATE ON venues REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT unnest(ARRAY[''venue:'' || c.id, ''venues'', ''events''])
         FROM changed c JOIN former f USING (id) WHERE to_jsonb(c) <> to_jsonb(f)');
CREATE TRIGGER write_down_change_delete AFTER DELETE ON venues REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT unnest(ARRAY[''venue:'' || id, ''venues'']) FROM changed');

CREATE TRIGGER write_down_change_insert AFTER INSERT ON settings REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change('SELECT ''settings'' FROM changed');
CREATE TRIGGER write_down_change_update AFTER UPDATE ON settings REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change(
        'SELECT ''settings'' FROM changed WHERE to_jsonb(changed) NOT IN (SELECT to_jsonb(former) FROM former)');
CREATE TRIGGER write_down_change_delete AFTER DELETE ON settings REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION write_down_change('SELECT ''settings'' FROM changed');
