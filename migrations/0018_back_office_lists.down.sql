-- boxoffice: no-transaction
DROP INDEX CONCURRENTLY IF EXISTS accounts_unverified_idx;
DROP INDEX CONCURRENTLY IF EXISTS accounts_status_idx;
DROP INDEX CONCURRENTLY IF EXISTS seat_maps_name_trgm_idx;
DROP INDEX CONCURRENTLY IF EXISTS events_organizer_created_idx;
DROP INDEX CONCURRENTLY IF EXISTS events_created_idx;
DROP INDEX CONCURRENTLY IF EXISTS events_start_idx;
DROP INDEX CONCURRENTLY IF EXISTS events_slug_trgm_idx;
DROP INDEX CONCURRENTLY IF EXISTS events_title_trgm_idx;
