-- What there is to go to: venues and their seats, events, and what an event sells.

-- In an order that keeps an index together, for rows whose ids are made by statements (RFC 9562, 5.7).
CREATE FUNCTION uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
    RETURN encode(set_bit(set_bit(overlay(
        uuid_send(gen_random_uuid()) PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid;

-- `revision`, here and below: each change of what organizers and admins manage adds one, so that nobody overwrites what they have not
-- seen. Not to be confused with `quotas.version`, which every booking moves on.

-- A house. `0004_search` adds the columns that it is found by.
CREATE TABLE venues (
    id          uuid PRIMARY KEY,
    slug        text NOT NULL CONSTRAINT venues_slug_key UNIQUE,
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    address     text NOT NULL,
    city        text NOT NULL,
    -- ISO 3166-1, two letters.
    country     char(2) NOT NULL,
    -- A name of the database of time zones, such as Europe/Berlin.
    time_zone   text NOT NULL,
    capacity    integer NOT NULL CHECK (capacity > 0),
    metadata    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    revision    integer NOT NULL DEFAULT 1
);
CREATE INDEX venues_city_idx ON venues (city, id);
CREATE INDEX venues_name_idx ON venues (name, id);

-- The seats of a house. A map has versions, which never change: whoever draws it anew adds one, and each event says which one it sells.
CREATE TABLE seat_maps (
    id             uuid PRIMARY KEY,
    venue_id       uuid NOT NULL REFERENCES venues ON DELETE RESTRICT,
    -- Not unique: organizers do not know how others call theirs.
    name           text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    -- Whose it is. NULL: the house's, for every organizer to use and for admins to change.
    organizer_id   uuid REFERENCES accounts ON DELETE RESTRICT,
    description    text NOT NULL DEFAULT '',
    revision       integer NOT NULL DEFAULT 1,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    -- Nobody sees it any more, and its rows go bit by bit: a deletion of many seats keeps bookings waiting.
    deleted_at     timestamptz,
    -- When an event was deleted whose holds, kept for a while after their end, name seats of the map: these stay as long.
    seats_named_at timestamptz
);
CREATE INDEX seat_maps_venue_idx ON seat_maps (venue_id);
CREATE INDEX seat_maps_organizer_idx ON seat_maps (organizer_id);
CREATE INDEX seat_maps_created_idx ON seat_maps (created_at, id);
CREATE INDEX seat_maps_deleted_idx ON seat_maps (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX seat_maps_name_fold_idx ON seat_maps USING gin (fold(name) gin_trgm_ops) WITH (fastupdate = off);

-- One drawing of a map. The first one has the id of its map.
CREATE TABLE seat_map_versions (
    id          uuid PRIMARY KEY,
    seat_map_id uuid NOT NULL REFERENCES seat_maps ON DELETE CASCADE,
    -- 1, 2, 3 … within its map.
    number      integer NOT NULL CHECK (number > 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (seat_map_id, number)
);

-- Sections, rows and seats of one version. What is the same in several versions has one id for everybody: that of its row in the first
-- version that has it. In later ones it stands in `first_id`; everybody else's id of it is `coalesce(first_id, id)`. So an event moves on
-- to another version without a change to what is held and sold.
CREATE TABLE sections (
    id                  uuid PRIMARY KEY,
    seat_map_version_id uuid NOT NULL REFERENCES seat_map_versions ON DELETE CASCADE,
    name                text NOT NULL,
    -- Counted from 0, in the order of the map.
    position            integer NOT NULL,
    first_id            uuid,
    -- Counted as the seats are written (`count_section_seats`).
    seat_count          integer NOT NULL DEFAULT 0,
    UNIQUE (seat_map_version_id, position),
    UNIQUE (seat_map_version_id, name)
);

CREATE TABLE seat_rows (
    id         uuid PRIMARY KEY,
    section_id uuid NOT NULL REFERENCES sections ON DELETE CASCADE,
    label      text NOT NULL,
    -- Counted from the stage: the lower, the better.
    position   integer NOT NULL,
    UNIQUE (section_id, position)
);

CREATE TABLE seats (
    id         uuid PRIMARY KEY,
    row_id     uuid NOT NULL REFERENCES seat_rows ON DELETE CASCADE,
    label      text NOT NULL,
    -- Seats are neighbours whose positions follow each other; a gap is an aisle.
    position   integer NOT NULL,
    -- For wheelchairs.
    accessible boolean NOT NULL DEFAULT false,
    first_id   uuid,
    UNIQUE (row_id, position)
);

CREATE FUNCTION count_section_seats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sections c SET seat_count = c.seat_count + more.seats FROM (
        SELECT r.section_id, count(*) AS seats FROM added JOIN seat_rows r ON r.id = added.row_id GROUP BY r.section_id
    ) AS more WHERE c.id = more.section_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER count_section_seats AFTER INSERT ON seats REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_section_seats();

-- The kinds of events.
CREATE TABLE categories (
    slug       text PRIMARY KEY,
    name       text NOT NULL CHECK (length(name) BETWEEN 2 AND 100),
    revision   integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- That of the request that made it, so that its repetition after a lost answer finds it.
    id         uuid NOT NULL DEFAULT uuid_v7()
);
INSERT INTO categories (slug, name)
SELECT slug, initcap(slug) FROM unnest(ARRAY[
    'comedy', 'concert', 'conference', 'dance', 'exhibition', 'family', 'festival', 'film', 'opera', 'sport', 'talk', 'theatre',
    'workshop'
]) AS of (slug);

CREATE TYPE event_status AS ENUM ('DRAFT', 'SCHEDULED', 'PUBLISHED', 'CANCELLED', 'ARCHIVED');

-- One evening. Events that repeat are a series: each occurrence is an event with an inventory of its own, and a series is nothing but
-- the id that they have in common, so it ends by itself when its last occurrence leaves. All of them are of one organizer.
CREATE TABLE events (
    id                  uuid PRIMARY KEY,
    slug                text NOT NULL CONSTRAINT events_slug_key UNIQUE,
    organizer_id        uuid NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    venue_id            uuid NOT NULL REFERENCES venues ON DELETE RESTRICT,
    -- NULL: it sells no seats.
    seat_map_version_id uuid REFERENCES seat_map_versions ON DELETE RESTRICT,
    title               text NOT NULL,
    summary             text NOT NULL DEFAULT '',
    description         text NOT NULL DEFAULT '',
    -- The slug of one of `categories`. The use cases see to it, and no foreign key.
    category            text NOT NULL,
    status              event_status NOT NULL DEFAULT 'DRAFT',
    starts_at           timestamptz NOT NULL,
    ends_at             timestamptz NOT NULL,
    time_zone           text NOT NULL,
    -- ISO 4217.
    currency            char(3) NOT NULL,
    sale_starts_at      timestamptz NOT NULL,
    sale_ends_at        timestamptz NOT NULL,
    -- Most places that an account may have. NULL: no limit.
    max_per_account     integer CHECK (max_per_account > 0),
    -- Years; NULL: for guests of any age.
    age_restriction     integer CHECK (age_restriction BETWEEN 0 AND 99),
    metadata            jsonb NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    revision            integer NOT NULL DEFAULT 1,
    -- When a scheduled event is to be published.
    publish_at          timestamptz,
    series_id           uuid,
    -- The version of an event, as its availability shows it, is the sum of its quotas' versions. What deleted quotas had is kept here, so
    -- that the sum never falls: whoever follows the event would take what comes later for what is old.
    version_base        bigint NOT NULL DEFAULT 0,
    -- Whether unpaid places are capped for each account and network. Not in load tests, where one account holds what a crowd would.
    unpaid_limited      boolean NOT NULL DEFAULT true,
    -- Whether anybody could see it, now or before (`note_ever_public`).
    ever_public         boolean NOT NULL DEFAULT false,
    CHECK (starts_at < ends_at),
    CHECK (sale_starts_at < sale_ends_at)
);
CREATE INDEX events_organizer_idx ON events (organizer_id);
CREATE INDEX events_venue_idx ON events (venue_id, starts_at);
CREATE INDEX events_seat_map_version_idx ON events (seat_map_version_id);
CREATE INDEX events_status_start_idx ON events (status, starts_at);
CREATE INDEX events_published_idx ON events (starts_at, id) WHERE status = 'PUBLISHED';
-- What is due to be published.
CREATE INDEX events_scheduled_idx ON events (publish_at) WHERE status = 'SCHEDULED';
-- The occurrences of a series in their order, and none of them twice.
CREATE UNIQUE INDEX events_series_start_key ON events (series_id, starts_at) WHERE series_id IS NOT NULL;
-- The lists of organizers and admins: parts of names, and the orders in which pages are walked, of one organizer and of all.
CREATE INDEX events_title_fold_idx ON events USING gin (fold(title) gin_trgm_ops) WITH (fastupdate = off);
CREATE INDEX events_slug_trgm_idx ON events USING gin (slug gin_trgm_ops) WITH (fastupdate = off);
CREATE INDEX events_organizer_start_idx ON events (organizer_id, starts_at, id);
CREATE INDEX events_organizer_created_idx ON events (organizer_id, created_at, id);
CREATE INDEX events_start_idx ON events (starts_at, id);
CREATE INDEX events_created_idx ON events (created_at, id);

CREATE FUNCTION note_ever_public() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.ever_public := NEW.ever_public OR NEW.status NOT IN ('DRAFT', 'SCHEDULED');
    RETURN NEW;
END
$$;
CREATE TRIGGER note_ever_public BEFORE INSERT OR UPDATE OF status ON events FOR EACH ROW EXECUTE FUNCTION note_ever_public();

-- Slugs that were once an event's or a venue's and lead to its present one. Nobody else gets them: a printed link must not
-- lead to another evening.
CREATE TABLE former_event_slugs (
    slug       text PRIMARY KEY,
    event_id   uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    retired_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX former_event_slugs_event_idx ON former_event_slugs (event_id);
CREATE TABLE former_venue_slugs (
    slug       text PRIMARY KEY,
    venue_id   uuid NOT NULL REFERENCES venues ON DELETE CASCADE,
    retired_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX former_venue_slugs_venue_idx ON former_venue_slugs (venue_id);

-- Keeps the slug that a row gives up, and refuses one that another row gave up. Arguments: the table of former slugs; its column of
-- the row; the constraint by which callers know a taken slug; which former rows (`f`) leave their slug behind.
CREATE FUNCTION keep_former_slugs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    taken text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        EXECUTE format(
            'INSERT INTO %I (slug, %I) SELECT f.slug, f.id FROM former f JOIN changed c USING (id) WHERE f.slug <> c.slug AND %s
             ON CONFLICT (slug) DO NOTHING', TG_ARGV[0], TG_ARGV[1], TG_ARGV[3]);
        -- A row that takes its old slug back.
        EXECUTE format('DELETE FROM %I k USING changed c WHERE k.slug = c.slug AND k.%I = c.id', TG_ARGV[0], TG_ARGV[1]);
    END IF;
    EXECUTE format('SELECT k.slug FROM %I k JOIN changed c USING (slug) WHERE k.%I <> c.id LIMIT 1', TG_ARGV[0], TG_ARGV[1]) INTO taken;
    IF taken IS NOT NULL THEN
        RAISE EXCEPTION 'the slug % still leads to another', taken USING ERRCODE = 'unique_violation', CONSTRAINT = TG_ARGV[2];
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_former_slugs_insert AFTER INSERT ON events REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION keep_former_slugs('former_event_slugs', 'event_id', 'events_slug_key');
-- A draft would keep each name that it ever had: only events that were public leave one behind.
CREATE TRIGGER keep_former_slugs_update AFTER UPDATE ON events REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION keep_former_slugs('former_event_slugs', 'event_id', 'events_slug_key', 'f.ever_public');
CREATE TRIGGER keep_former_slugs_insert AFTER INSERT ON venues REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION keep_former_slugs('former_venue_slugs', 'venue_id', 'venues_slug_key');
CREATE TRIGGER keep_former_slugs_update AFTER UPDATE ON venues REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION keep_former_slugs('former_venue_slugs', 'venue_id', 'venues_slug_key', 'true');

-- Words that events are found by.
CREATE TABLE tags (
    id         uuid PRIMARY KEY,
    slug       text NOT NULL UNIQUE,
    name       text NOT NULL,
    revision   integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE event_tags (
    event_id uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    tag_id   uuid NOT NULL REFERENCES tags ON DELETE CASCADE,
    PRIMARY KEY (event_id, tag_id)
);
CREATE INDEX event_tags_tag_idx ON event_tags (tag_id);

-- A quota is the only place where an event's capacity is counted.
CREATE TABLE quotas (
    id         uuid PRIMARY KEY,
    event_id   uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    name       text NOT NULL,
    capacity   integer NOT NULL CHECK (capacity >= 0),
    -- Places of active holds, of blocks, and of bookings that wait for their payment.
    held       integer NOT NULL DEFAULT 0 CHECK (held >= 0),
    -- Places of confirmed bookings.
    sold       integer NOT NULL DEFAULT 0 CHECK (sold >= 0),
    -- Grows by one with every batch that changes the quota. A batch names the version it was decided on, so that a decision made on
    -- stale memory is refused.
    version    bigint NOT NULL DEFAULT 0,
    revision   integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When its organizer last changed it; bookings change the counters and not this.
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT quotas_within_capacity_check CHECK (held + sold <= capacity),
    UNIQUE (event_id, id)
) WITH (fillfactor = 50); -- room for the row's next version on the same page: every batch rewrites it

CREATE FUNCTION keep_version_of_deleted_quota() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Nothing, when the event itself is being deleted. One more, because to delete a quota is a change.
    UPDATE events SET version_base = version_base + old.version + 1 WHERE id = old.event_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_version_of_deleted_quota AFTER DELETE ON quotas
    FOR EACH ROW EXECUTE FUNCTION keep_version_of_deleted_quota();

-- What can be bought: a price for places of a quota.
CREATE TABLE ticket_types (
    id              uuid PRIMARY KEY,
    event_id        uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    quota_id        uuid NOT NULL,
    name            text NOT NULL,
    description     text NOT NULL DEFAULT '',
    -- Counted from 0, in the order in which buyers see them.
    position        integer NOT NULL,
    price           numeric(14, 3) NOT NULL CHECK (price >= 0),
    -- Whether it sells the seats of `ticket_type_sections`, and not only places.
    seated          boolean NOT NULL DEFAULT false,
    min_per_booking integer NOT NULL DEFAULT 1 CHECK (min_per_booking >= 1),
    max_per_booking integer NOT NULL DEFAULT 10 CHECK (max_per_booking BETWEEN min_per_booking AND 100),
    -- Only for those who have a code that unlocks it.
    hidden          boolean NOT NULL DEFAULT false,
    -- NULL: as the event's terms.
    tax_rate        numeric(9, 8) CHECK (tax_rate BETWEEN 0 AND 1),
    -- NULL: as the event.
    sale_starts_at  timestamptz,
    sale_ends_at    timestamptz,
    revision        integer NOT NULL DEFAULT 1,
    -- Whether any place of it was ever held or booked. `ledger_commit` sets it under the locks that count the places; such a type stays
    -- with its event, its quota and its sections.
    ever_taken      boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- When its organizer last changed it.
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (event_id, position),
    -- A ticket type draws on a quota of its own event.
    FOREIGN KEY (event_id, quota_id) REFERENCES quotas (event_id, id)
);
CREATE INDEX ticket_types_quota_idx ON ticket_types (event_id, quota_id);
-- Which events have a ticket type within a range of prices that everybody may see.
CREATE INDEX ticket_types_price_idx ON ticket_types (price, event_id) WHERE NOT hidden;

-- The sections whose seats a seated ticket type sells, by their ids for everybody (see `sections`).
CREATE TABLE ticket_type_sections (
    ticket_type_id uuid NOT NULL REFERENCES ticket_types ON DELETE CASCADE,
    section_id     uuid NOT NULL REFERENCES sections ON DELETE RESTRICT,
    PRIMARY KEY (ticket_type_id, section_id)
);
CREATE INDEX ticket_type_sections_section_idx ON ticket_type_sections (section_id);

-- What events, venues and ticket types were called before, as bookings show them: a row for each change of one of these columns. Answers
-- say what is true now; what the first answer to a booking said follows from this. See `bookings`.
CREATE TABLE former_names (
    -- An event, a venue or a ticket type. No reference: a booking keeps its event and its ticket types.
    thing_id uuid NOT NULL,
    until    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The columns that bookings show, as they were.
    names    jsonb NOT NULL,
    PRIMARY KEY (thing_id, until)
);

-- Arguments: the columns.
CREATE FUNCTION keep_former_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO former_names (thing_id, names)
    SELECT old.id, jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(old)) WHERE key = ANY (TG_ARGV);
    RETURN NULL;
END
$$;
-- Only of what may have been booked.
CREATE TRIGGER keep_former_names AFTER UPDATE OF slug, title, starts_at, time_zone, venue_id ON events FOR EACH ROW
    WHEN (old.ever_public AND (old.slug, old.title, old.starts_at, old.time_zone, old.venue_id)
        <> (new.slug, new.title, new.starts_at, new.time_zone, new.venue_id))
    EXECUTE FUNCTION keep_former_names('slug', 'title', 'starts_at', 'time_zone', 'venue_id');
CREATE TRIGGER keep_former_names AFTER UPDATE OF name ON ticket_types FOR EACH ROW
    WHEN (old.ever_taken AND old.name <> new.name) EXECUTE FUNCTION keep_former_names('name');
CREATE TRIGGER keep_former_names AFTER UPDATE OF name ON venues FOR EACH ROW
    WHEN (old.name <> new.name) EXECUTE FUNCTION keep_former_names('name');
