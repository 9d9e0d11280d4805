-- When quotas and ticket types were made, and when their organizers last changed them; bookings change the counters of a quota and not
-- this. Of those that are there nobody has noted it: they are as old as their event. Both tables are short, a few rows an event.
ALTER TABLE quotas
    ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE ticket_types
    ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
UPDATE quotas q SET created_at = e.created_at, updated_at = e.updated_at FROM events e WHERE e.id = q.event_id;
UPDATE ticket_types t SET created_at = e.created_at, updated_at = e.updated_at FROM events e WHERE e.id = t.event_id;

-- The id of a category is that of the request that made it; those that no request made get one. Servers of the version before write it
-- with each new category.
UPDATE categories SET made_id = uuid_v7() WHERE made_id IS NULL;
ALTER TABLE categories
    ALTER COLUMN made_id SET DEFAULT uuid_v7(),
    ALTER COLUMN made_id SET NOT NULL;

-- The first answer to a request, which its repetitions get whatever has become of the thing since: where the thing is, its revision if it
-- has one, and the JSON as it was sent. Without it, as with requests of the version before, what is there now is shown.
ALTER TABLE request_keys
    ADD COLUMN location text,
    ADD COLUMN revision integer,
    ADD COLUMN answer   bytea;
