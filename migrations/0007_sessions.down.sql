-- boxoffice: refuse while sessions WHERE revoked_at IS NULL AND expires_at > now(); people would be signed out
-- boxoffice: refuse while accounts WHERE status = 'SUSPENDED'; accounts could sign in again that must not
-- The extension stays: others may use it.
DROP INDEX profiles_name_trgm_idx;
DROP INDEX accounts_email_trgm_idx;
DROP INDEX accounts_role_idx;
DROP TABLE one_time_tokens;
DROP TYPE one_time_purpose;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
ALTER TABLE accounts
    DROP COLUMN tokens_not_before,
    DROP COLUMN locale,
    DROP COLUMN email_verified_at,
    DROP COLUMN status;
DROP FUNCTION refuse_tokens(timestamptz, timestamptz);
DROP TYPE account_status;
