-- Keeps an answer unless something that it shows has changed since it was read, or there is no room.
-- KEYS[1]  the answer   KEYS[2]  when what has changed   KEYS[3]  the index   KEYS[4]  how many bytes all answers take
-- ARGV     the life and the moment from which on it was read, what it shows, its body, for how many milliseconds,
--          its name in the index, what begins every key of an answer, how many bytes all may take,
--          for how many milliseconds it reads like this or ''
-- Answers  1 when it is kept
local time = redis.call('TIME')
local real = time[1] * 1000000 + time[2]
local at, most = tonumber(ARGV[2]), tonumber(ARGV[8])
local changes = redis.call('HMGET', KEYS[2], 'life', 'run', 'last', 'some')
local last = tonumber(changes[3] or '0')
-- Everything was forgotten since, or a clock was set back.
if changes[1] ~= ARGV[1] or changes[2] ~= run() or at > math.max(real, last + 1) then return 0 end
-- Which keys were deleted since is not known.
if changes[4] and tonumber(changes[4]) >= at then return 0 end
for slot in string.gmatch(ARGV[3], '%d+') do
    local changed = redis.call('HGET', KEYS[2], slot)
    if changed and tonumber(changed) >= at then return 0 end
end
local units = math.ceil((#ARGV[4] + #ARGV[3] + 2 * #ARGV[6] + UNIT) / UNIT)
if units >= SIZES or units * UNIT > most then return 0 end

-- Before anything else is written: a Redis that is full refuses this, and lets all pass after a first write.
if refused(redis.pcall('HSET', KEYS[1], 'life', ARGV[1], 'at', ARGV[2], 'slots', ARGV[3], 'body', ARGV[4])) then return 0 end
local lasts = tonumber(ARGV[5])
if ARGV[9] == '' then
    redis.call('HDEL', KEYS[1], 'until')
else
    lasts = math.min(lasts, tonumber(ARGV[9]))
    redis.call('HSET', KEYS[1], 'until', string.format('%.0f', real + ARGV[9] * 1000))
end
redis.call('PEXPIRE', KEYS[1], lasts)

-- Those that have ended make room, then those that end first.
local bytes = bytes_of(KEYS[4])
local former = redis.call('ZSCORE', KEYS[3], ARGV[6])
if former then
    redis.call('ZREM', KEYS[3], ARGV[6])
    bytes = bytes - size_of(former)
end
local function drop(entries)
    for place = 1, #entries, 2 do
        redis.call('DEL', ARGV[7] .. entries[place])
        redis.call('ZREM', KEYS[3], entries[place])
        bytes = bytes - size_of(entries[place + 1])
    end
    return #entries > 0
end
drop(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', string.format('(%.0f', time[1] * SIZES), 'WITHSCORES', 'LIMIT', 0, 100))
while bytes + units * UNIT > most do
    -- A count without an index is a remnant.
    if not drop(redis.call('ZRANGE', KEYS[3], 0, 9, 'WITHSCORES')) then bytes = 0 end
end
redis.call('ZADD', KEYS[3], string.format('%.0f', math.ceil(time[1] + lasts / 1000) * SIZES + units), ARGV[6])
set_bytes(KEYS[4], bytes + units * UNIT)
-- A change is later than all that was kept, also after the clock was set back.
if at > last then redis.call('HSET', KEYS[2], 'last', ARGV[2]) end
return 1
