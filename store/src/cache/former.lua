-- Has the servers of the release before forget everything, who keep it under other names.
-- KEYS[1]  where they remember what has changed
-- ARGV     their channel, a message that they understand
redis.call('PUBLISH', ARGV[1], ARGV[2])
return redis.call('DEL', KEYS[1])
