-- Tells all nodes of a change, and notes it.
-- KEYS[1]  when what has changed
-- ARGV     what has changed: 'everything', 'some' for keys that are deleted one by one, or numbers of slots;
--          the channel; the message
-- First, and whatever comes of the rest: what nodes have in memory is their own.
redis.call('PUBLISH', ARGV[2], ARGV[3])
local changes = redis.call('HMGET', KEYS[1], 'life', 'run', 'last')
-- Without a memory of changes nothing is given that was kept before.
if ARGV[1] == 'everything' or not changes[1] or changes[2] ~= run() then
    redis.call('DEL', KEYS[1])
    return 1
end
local time = redis.call('TIME')
local now = string.format('%.0f', math.max(time[1] * 1000000 + time[2], tonumber(changes[3] or '0') + 1))
local noted = not refused(redis.pcall('HSET', KEYS[1], 'last', now))
for what in string.gmatch(ARGV[1], '%w+') do
    noted = noted and not refused(redis.pcall('HSET', KEYS[1], what, now))
end
-- A Redis that is full still deletes.
if not noted then redis.call('DEL', KEYS[1]) end
return 1
