-- boxoffice: refuse while accounts; people could not sign in any more
-- boxoffice: refuse while sessions WHERE revoked_at IS NULL AND expires_at > now(); people would be signed out
-- boxoffice: refuse while accounts WHERE status = 'SUSPENDED'; accounts could sign in again that must not
-- The extensions stay: others may use them by now.
DROP TABLE known_devices, one_time_tokens, refresh_tokens, sessions, profiles, accounts;
DROP FUNCTION refuse_tokens, part_pattern, fold;
DROP TYPE one_time_purpose, account_status, account_role;
