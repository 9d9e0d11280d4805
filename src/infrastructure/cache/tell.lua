-- Notes a change, and tells all nodes.
-- KEYS[1]  when what has changed
-- ARGV     what has changed: 'born' for everything, 'some' for keys that are deleted one by one, or numbers of slots;
--          the channel; the message
local time = redis.call('TIME')
local last = tonumber(redis.call('HGET', KEYS[1], 'last') or '0')
local now = string.format('%.0f', math.max(time[1] * 1000000 + time[2], last + 1))
redis.call('HSET', KEYS[1], 'last', now)
for what in string.gmatch(ARGV[1], '%w+') do redis.call('HSET', KEYS[1], what, now) end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
