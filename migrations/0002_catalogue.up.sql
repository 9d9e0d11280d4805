CREATE TABLE venues (
    id          uuid PRIMARY KEY,
    slug        text NOT NULL CONSTRAINT venues_slug_key UNIQUE,
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    address     text NOT NULL,
    city        text NOT NULL,
    country     char(2) NOT NULL,
    time_zone   text NOT NULL,
    capacity    integer NOT NULL CHECK (capacity > 0),
    metadata    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX venues_city_idx ON venues (city, id);
CREATE INDEX venues_name_idx ON venues (name, id);

-- A seat map is never changed once an event sells from it: a new drawing is a new version.
CREATE TABLE seat_maps (
    id         uuid PRIMARY KEY,
    venue_id   uuid NOT NULL REFERENCES venues ON DELETE RESTRICT,
    name       text NOT NULL,
    version    integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (venue_id, name, version)
);

CREATE TABLE sections (
    id          uuid PRIMARY KEY,
    seat_map_id uuid NOT NULL REFERENCES seat_maps ON DELETE CASCADE,
    name        text NOT NULL,
    position    integer NOT NULL,
    UNIQUE (seat_map_id, position),
    UNIQUE (seat_map_id, name)
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
    position   integer NOT NULL,
    accessible boolean NOT NULL DEFAULT false,
    UNIQUE (row_id, position)
);

CREATE TYPE event_status AS ENUM ('DRAFT', 'SCHEDULED', 'PUBLISHED', 'CANCELLED', 'ARCHIVED');

CREATE TABLE events (
    id              uuid PRIMARY KEY,
    slug            text NOT NULL CONSTRAINT events_slug_key UNIQUE,
    organizer_id    uuid NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    venue_id        uuid NOT NULL REFERENCES venues ON DELETE RESTRICT,
    seat_map_id     uuid REFERENCES seat_maps ON DELETE RESTRICT,
    title           text NOT NULL,
    summary         text NOT NULL DEFAULT '',
    description     text NOT NULL DEFAULT '',
    category        text NOT NULL,
    status          event_status NOT NULL DEFAULT 'DRAFT',
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    time_zone       text NOT NULL,
    currency        char(3) NOT NULL,
    sale_starts_at  timestamptz NOT NULL,
    sale_ends_at    timestamptz NOT NULL,
    -- NULL: no limit.
    max_per_account integer CHECK (max_per_account > 0),
    metadata        jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (starts_at < ends_at),
    CHECK (sale_starts_at < sale_ends_at)
);
CREATE INDEX events_organizer_idx ON events (organizer_id);
CREATE INDEX events_venue_idx ON events (venue_id, starts_at);
CREATE INDEX events_seat_map_idx ON events (seat_map_id);
CREATE INDEX events_status_start_idx ON events (status, starts_at);
-- The public listing: published events only, in the order in which they are shown.
CREATE INDEX events_published_idx ON events (starts_at, id) WHERE status = 'PUBLISHED';

CREATE TABLE tags (
    id   uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    name text NOT NULL
);

CREATE TABLE event_tags (
    event_id uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    tag_id   uuid NOT NULL REFERENCES tags ON DELETE CASCADE,
    PRIMARY KEY (event_id, tag_id)
);
CREATE INDEX event_tags_tag_idx ON event_tags (tag_id);

-- A quota is the only place where an event's capacity is counted. Its version grows by one with every batch that changes
-- it, and a batch names the version it was decided on, so that a decision made on stale memory is refused.
CREATE TABLE quotas (
    id       uuid PRIMARY KEY,
    event_id uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    name     text NOT NULL,
    capacity integer NOT NULL CHECK (capacity >= 0),
    held     integer NOT NULL DEFAULT 0 CHECK (held >= 0),
    sold     integer NOT NULL DEFAULT 0 CHECK (sold >= 0),
    version  bigint NOT NULL DEFAULT 0,
    CONSTRAINT quotas_within_capacity_check CHECK (held + sold <= capacity),
    UNIQUE (event_id, id)
) WITH (fillfactor = 50); -- room for the row's next version on the same page: every batch rewrites it

CREATE TABLE ticket_types (
    id              uuid PRIMARY KEY,
    event_id        uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    quota_id        uuid NOT NULL,
    name            text NOT NULL,
    description     text NOT NULL DEFAULT '',
    position        integer NOT NULL,
    price           numeric(14, 3) NOT NULL CHECK (price >= 0),
    seated          boolean NOT NULL DEFAULT false,
    min_per_booking integer NOT NULL DEFAULT 1 CHECK (min_per_booking >= 1),
    max_per_booking integer NOT NULL DEFAULT 10 CHECK (max_per_booking BETWEEN min_per_booking AND 100),
    -- NULL: as the event.
    sale_starts_at  timestamptz,
    sale_ends_at    timestamptz,
    UNIQUE (event_id, position),
    -- A ticket type draws on a quota of its own event.
    FOREIGN KEY (event_id, quota_id) REFERENCES quotas (event_id, id)
);
CREATE INDEX ticket_types_quota_idx ON ticket_types (event_id, quota_id);

-- The sections whose seats a seated ticket type sells.
CREATE TABLE ticket_type_sections (
    ticket_type_id uuid NOT NULL REFERENCES ticket_types ON DELETE CASCADE,
    section_id     uuid NOT NULL REFERENCES sections ON DELETE RESTRICT,
    PRIMARY KEY (ticket_type_id, section_id)
);
CREATE INDEX ticket_type_sections_section_idx ON ticket_type_sections (section_id);
