-- What the house itself needs: mails, the audit log, settings, requests that may be repeated, work that goes on in the background, and
-- what caches have to be told.

CREATE TYPE mail_status AS ENUM ('PENDING', 'SENT', 'DEAD');

-- Mails, queued in the transaction of the change that causes them, and sent afterwards.
CREATE TABLE outbox (
    id              uuid PRIMARY KEY,
    kind            text NOT NULL,
    recipient       text NOT NULL,
    -- Language and content, one-time tokens among it: forgotten as soon as the mail is sent.
    payload         jsonb,
    status          mail_status NOT NULL DEFAULT 'PENDING',
    -- Counted when a sender claims the mail, and so also the proof that a claim is still its claimant's.
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- When it is due: after a failure the time of the next try, during a try the end of the lease.
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    -- Without the recipient's address.
    last_error      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- When it was sent or given up.
    ended_at        timestamptz,
    -- 0: somebody waits for it at a screen. 1: anything else. Smaller ones go first.
    rank            smallint NOT NULL DEFAULT 1 CHECK (rank IN (0, 1)),
    -- Tries whose text the mail server was given and did not answer: as many copies may have arrived.
    unanswered      integer NOT NULL DEFAULT 0 CHECK (unanswered >= 0),
    -- When it was queued, or a dead letter was queued anew.
    waits_since     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT outbox_payload CHECK ((payload IS NULL) = (status = 'SENT')),
    CONSTRAINT outbox_ended CHECK ((ended_at IS NULL) = (status = 'PENDING'))
);
-- What is due of each rank, first of all.
CREATE INDEX outbox_ranked_idx ON outbox (rank, next_attempt_at) WHERE status = 'PENDING';
-- The list of dead letters, newest first, and their number.
CREATE INDEX outbox_dead_idx ON outbox (id) WHERE status = 'DEAD';
-- What is old enough to be deleted.
CREATE INDEX outbox_ended_idx ON outbox (ended_at) WHERE status <> 'PENDING';

-- Who did what to what, from where. Entries hold the hash of the one before, so that a change in the middle shows.
CREATE TABLE audit_log (
    seq         bigint PRIMARY KEY CHECK (seq > 0),
    at          timestamptz NOT NULL,
    -- No reference: an entry outlives whom it names. Nothing when the command line did it.
    actor_id    uuid,
    action      text NOT NULL,
    target_kind text NOT NULL,
    target_id   text NOT NULL,
    details     jsonb NOT NULL,
    address     inet,
    request_id  text,
    hash        bytea NOT NULL CHECK (length(hash) = 32)
);
CREATE INDEX audit_log_actor_idx ON audit_log (actor_id, seq);
CREATE INDEX audit_log_target_idx ON audit_log (target_kind, target_id, seq);
CREATE INDEX audit_log_action_idx ON audit_log (action, seq);

CREATE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER refuse_change_of_audit_log BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_log();

-- Requests that create something, by their Idempotency-Key; for bookings and holds the ledger has its own.
CREATE TABLE request_keys (
    account_id  uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    key         text COLLATE "C" NOT NULL,
    -- What it asked for, so that another request under its key is told from a repetition.
    fingerprint uuid NOT NULL,
    -- What it makes; the same in each try, so that no try makes a second one.
    made_id     uuid NOT NULL,
    done        boolean NOT NULL DEFAULT false,
    -- Of the latest try.
    began_at    timestamptz NOT NULL DEFAULT now(),
    -- The first answer, which repetitions get whatever has become of the thing since: where the thing is, its revision if it has one,
    -- and the JSON as it was sent. NULL: what is there now is shown.
    location    text,
    revision    integer,
    answer      bytea,
    PRIMARY KEY (account_id, key)
);
-- Keys that are old enough to be forgotten.
CREATE INDEX request_keys_began_idx ON request_keys (began_at);

-- Settings that differ from their defaults, which are in the code.
CREATE TABLE settings (
    key        text PRIMARY KEY,
    value      jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
-- Who changed which, and when.
CREATE TABLE setting_changes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key        text NOT NULL,
    from_value jsonb,
    to_value   jsonb,
    -- Kept when the account is gone.
    account_id uuid NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
-- The revision of all settings together, in the one row that there is.
CREATE TABLE settings_revision (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    revision integer NOT NULL
);
INSERT INTO settings_revision (revision) VALUES (1);

-- The bookings of a cancelled event are cancelled one after the other, by whichever server holds the lease. What is done is noted
-- with the mails that tell of it, in one transaction.
CREATE TABLE event_cancellations (
    event_id             uuid PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    -- Bookings that there were to cancel, and those that are.
    total                bigint NOT NULL,
    done                 bigint NOT NULL DEFAULT 0,
    -- All bookings up to this one are done.
    after_booking_id     uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    lease_until          timestamptz NOT NULL DEFAULT now(),
    started_at           timestamptz NOT NULL DEFAULT now(),
    finished_at          timestamptz,
    -- Bookings that were cancelled already when their event was: they are neither counted nor told of again. Clocks of servers and of
    -- the database may differ, so the time alone can't tell; only those of the last seconds before are in it.
    cancelled_before_ids uuid[] NOT NULL DEFAULT '{}'
);
CREATE INDEX event_cancellations_open_idx ON event_cancellations (lease_until) WHERE finished_at IS NULL;

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
