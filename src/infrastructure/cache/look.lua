-- Gives an answer unless something that it shows has changed since it was read; otherwise the present moment, as of which what
-- is read from now on may be kept.
-- KEYS[1]  the answer   KEYS[2]  when what has changed
-- Answers  {slots, body} or {moment}
local time = redis.call('TIME')
local changes = redis.call('HMGET', KEYS[2], 'born', 'last')
local now = math.max(time[1] * 1000000 + time[2], tonumber(changes[2] or '0') + 1)
local born = tonumber(changes[1] or '0')
if not changes[1] then
    -- Nothing is known about the past: whatever is older is of no use.
    born = now
    redis.call('HSET', KEYS[2], 'born', string.format('%.0f', now))
end
local answer = redis.call('HMGET', KEYS[1], 'at', 'slots', 'body')
if answer[1] then
    local at = tonumber(answer[1])
    local current = at >= born
    for slot in string.gmatch(answer[2], '%d+') do
        local changed = redis.call('HGET', KEYS[2], slot)
        if changed and tonumber(changed) >= at then current = false end
    end
    if current then return {answer[2], answer[3]} end
    redis.call('DEL', KEYS[1])
end
return {string.format('%.0f', now)}
