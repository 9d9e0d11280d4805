-- boxoffice: additive
-- What an administrator's transaction changes, for its entry in the audit log: each row as it was and as it is then. Triggers see every
-- change, whichever statement makes it. They cost others a look at a setting: nothing is noted but in a transaction that says
-- `SET LOCAL boxoffice.acting = 'on'`, and what is noted is in a setting of that transaction, and goes with it.
--
-- On the way of a booking there is none: they follow `revision`, which grows with what people change and with nothing else.

-- A row without secrets. Decimals as texts: as JSON numbers they would lose their last zeros.
CREATE FUNCTION audited_row(row_values jsonb, secrets text[]) RETURNS jsonb IMMUTABLE STRICT LANGUAGE sql AS $$
    SELECT coalesce(jsonb_object_agg(key, CASE
        WHEN jsonb_typeof(value) = 'number' AND value #>> '{}' LIKE '%.%' THEN to_jsonb(value #>> '{}')
        ELSE value
    END), '{}') FROM jsonb_each(row_values) WHERE key <> ALL (secrets)
$$;

-- Arguments: the kind of thing; the columns that name it; columns that are never shown.
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- Enough for a series of a year of days. What comes after is counted.
    noted_max CONSTANT integer := 512 * 1024;
    ignored   CONSTANT text[] := '{revision,version,updated_at,tokens_not_before}';
    -- What the table makes of the others, of venues.
    made      CONSTANT text[] := '{words,name_key,city_key}';
    secrets   CONSTANT text[] := string_to_array(TG_ARGV[2], ',');
    noted     text := coalesce(current_setting('boxoffice.changes', true), '');
    was       jsonb;
    is_now    jsonb;
    name      text;
    secret    text;
BEGIN
    IF length(noted) > noted_max THEN
        PERFORM set_config('boxoffice.changes_left_out',
            (coalesce(nullif(current_setting('boxoffice.changes_left_out', true), ''), '0')::integer + 1)::text, true);
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        was := to_jsonb(old) - made;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        is_now := to_jsonb(new) - made;
    END IF;
    SELECT string_agg(coalesce(is_now, was) ->> part, '/' ORDER BY place) INTO name
    FROM unnest(string_to_array(TG_ARGV[1], ',')) WITH ORDINALITY AS named (part, place);
    IF TG_OP = 'UPDATE' THEN
        -- That a secret is another one is told, and nothing of either.
        FOREACH secret IN ARRAY secrets LOOP
            IF was -> secret IS DISTINCT FROM is_now -> secret THEN
                was := was || jsonb_build_object(secret || '_hidden', 'one');
                is_now := is_now || jsonb_build_object(secret || '_hidden', 'another');
            END IF;
        END LOOP;
        SELECT coalesce(jsonb_object_agg(key, b.value), '{}'), coalesce(jsonb_object_agg(key, a.value), '{}') INTO was, is_now
        FROM jsonb_each(was) AS b JOIN jsonb_each(is_now) AS a USING (key)
        WHERE a.value <> b.value AND key <> ALL (ignored || secrets);
        IF was = '{}' THEN
            RETURN NULL;
        END IF;
    ELSE
        was := jsonb_strip_nulls(was);
        is_now := jsonb_strip_nulls(is_now);
    END IF;
    PERFORM set_config('boxoffice.changes', noted || jsonb_build_object(
        'kind', TG_ARGV[0], 'id', name, 'before', audited_row(was, secrets), 'after', audited_row(is_now, secrets)
    )::text || E'\n', true);
    RETURN NULL;
END
$$;

CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON accounts FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('account', 'id', 'password_hash');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON profiles FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('profile', 'account_id', '');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON sessions FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('session', 'id', '');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON events FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('event', 'id', '');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON event_tags FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('event-tag', 'event_id,tag_id', '');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OF revision OR DELETE ON quotas FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('quota', 'id', '');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OF revision, position OR DELETE ON ticket_types FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('ticket-type', 'id', '');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON ticket_type_sections FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on')
    EXECUTE FUNCTION note_change('ticket-type-section', 'ticket_type_id,section_id', '');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON venues FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('venue', 'id', '');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON categories FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('category', 'slug', '');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON tags FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('tag', 'id', '');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OF revision OR DELETE ON seat_maps FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('seat-map', 'id', '');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON seat_map_versions FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('seat-map-version', 'id', '');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON settings FOR EACH ROW
    WHEN (current_setting('boxoffice.acting', true) = 'on') EXECUTE FUNCTION note_change('setting', 'key', '');
