DROP INDEX request_keys_began_idx;
ALTER TABLE accounts DROP COLUMN revision;
