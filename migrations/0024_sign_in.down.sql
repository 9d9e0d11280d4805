DROP TABLE known_devices;
DROP INDEX sessions_revoked_idx;
DROP INDEX refresh_tokens_parent_idx;
ALTER TABLE refresh_tokens DROP COLUMN parent;
