-- Keeps an answer unless something that it shows has changed since it was read.
-- KEYS[1]  the answer   KEYS[2]  when what has changed
-- ARGV     the moment from which on it was read, what it shows, its body, for how many milliseconds
-- Answers  1 when it is kept
local time = redis.call('TIME')
local at = tonumber(ARGV[1])
local changes = redis.call('HMGET', KEYS[2], 'born', 'last', 'some')
local last = tonumber(changes[2] or '0')
local now = math.max(time[1] * 1000000 + time[2], last + 1)
-- Forgotten everything since, or a clock that was set back.
if not changes[1] or at < tonumber(changes[1]) or at > now then return 0 end
-- Which keys were deleted since is not known.
if changes[3] and tonumber(changes[3]) >= at then return 0 end
for slot in string.gmatch(ARGV[2], '%d+') do
    local changed = redis.call('HGET', KEYS[2], slot)
    if changed and tonumber(changed) >= at then return 0 end
end
redis.call('HSET', KEYS[1], 'at', ARGV[1], 'slots', ARGV[2], 'body', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
-- A change is later than all that was kept, also after the clock was set back.
if at > last then redis.call('HSET', KEYS[2], 'last', ARGV[1]) end
return 1
