ALTER FUNCTION ledger_commit RESET lock_timeout;
DROP TRIGGER keep_version_of_deleted_quota ON quotas;
DROP FUNCTION keep_version_of_deleted_quota;
ALTER TABLE events DROP COLUMN version_base;
