-- boxoffice: no-transaction
-- What the lists of organizers and admins are looked up by: parts of names, and the orders in which pages are walked. Built while the
-- tables are in use; none of them is written by a booking. A build that broke off leaves an invalid index behind, so each is dropped first.

DROP INDEX CONCURRENTLY IF EXISTS events_title_trgm_idx;
CREATE INDEX CONCURRENTLY events_title_trgm_idx ON events USING gin (title gin_trgm_ops) WITH (fastupdate = off);
DROP INDEX CONCURRENTLY IF EXISTS events_slug_trgm_idx;
CREATE INDEX CONCURRENTLY events_slug_trgm_idx ON events USING gin (slug gin_trgm_ops) WITH (fastupdate = off);

-- Of all organizers, and of one, in the orders of the list. That of one by its beginning is there already.
DROP INDEX CONCURRENTLY IF EXISTS events_start_idx;
CREATE INDEX CONCURRENTLY events_start_idx ON events (starts_at, id);
DROP INDEX CONCURRENTLY IF EXISTS events_created_idx;
CREATE INDEX CONCURRENTLY events_created_idx ON events (created_at, id);
DROP INDEX CONCURRENTLY IF EXISTS events_organizer_created_idx;
CREATE INDEX CONCURRENTLY events_organizer_created_idx ON events (organizer_id, created_at, id);

DROP INDEX CONCURRENTLY IF EXISTS seat_maps_name_trgm_idx;
CREATE INDEX CONCURRENTLY seat_maps_name_trgm_idx ON seat_maps USING gin (name gin_trgm_ops) WITH (fastupdate = off);

-- The few that are suspended, or have not shown that an address is theirs, among all.
DROP INDEX CONCURRENTLY IF EXISTS accounts_status_idx;
CREATE INDEX CONCURRENTLY accounts_status_idx ON accounts (status, id);
DROP INDEX CONCURRENTLY IF EXISTS accounts_unverified_idx;
CREATE INDEX CONCURRENTLY accounts_unverified_idx ON accounts (id) WHERE email_verified_at IS NULL;
