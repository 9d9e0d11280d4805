-- The version of an event, as its availability shows it, is the sum of its quotas' versions. What a quota had that is deleted is kept
-- here, so that the sum never falls: whoever follows the event would take what comes later for what is old.
ALTER TABLE events ADD COLUMN version_base bigint NOT NULL DEFAULT 0;

CREATE FUNCTION keep_version_of_deleted_quota() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Nothing, when the event itself is being deleted. One more, because to delete a quota is a change.
    UPDATE events SET version_base = version_base + old.version + 1 WHERE id = old.event_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_version_of_deleted_quota AFTER DELETE ON quotas
    FOR EACH ROW EXECUTE FUNCTION keep_version_of_deleted_quota();

-- A row that somebody else holds is told soon, so that the group goes on without the event that it belongs to. A server of before
-- takes it for a commit that has failed, as it did after five seconds.
ALTER FUNCTION ledger_commit SET lock_timeout = '200ms';
