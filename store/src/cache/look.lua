-- Gives an answer unless something that it shows has changed since it was read; and the present moment, as of which what is read
-- from now on may be kept.
-- KEYS[1]  the answer   KEYS[2]  when what has changed   KEYS[3]  the index   KEYS[4]  how many bytes all answers take
-- ARGV     the answer's name in the index, a name for the life that begins if what was changed is not known
-- Answers  {life, moment} or {life, moment, slots, body, for how many microseconds it reads like this or ''}
local time = redis.call('TIME')
local real = time[1] * 1000000 + time[2]
local changes = redis.call('HMGET', KEYS[2], 'life', 'run', 'last')
local life, here = changes[1], run()
local moment = string.format('%.0f', math.max(real, tonumber(changes[3] or '0') + 1))
if not life or changes[2] ~= here then
    life = ARGV[2]
    if refused(redis.pcall('DEL', KEYS[2]))
        or refused(redis.pcall('HSET', KEYS[2], 'life', life, 'run', here, 'last', moment)) then
        life = ''
    end
end
local answer = redis.call('HMGET', KEYS[1], 'life', 'slots', 'body', 'at', 'until')
if not answer[1] then return {life, moment} end
-- What is not in the index was deleted.
local score = redis.call('ZSCORE', KEYS[3], ARGV[1])
local current, rest = score and answer[1] == life, ''
if answer[5] then
    local left = tonumber(answer[5]) - real
    current, rest = current and left > 0, string.format('%.0f', left)
end
for slot in string.gmatch(answer[2], '%d+') do
    local changed = redis.call('HGET', KEYS[2], slot)
    if changed and tonumber(changed) >= tonumber(answer[4]) then current = false end
end
if current then return {life, moment, answer[2], answer[3], rest} end
if not refused(redis.pcall('DEL', KEYS[1])) and score then
    redis.call('ZREM', KEYS[3], ARGV[1])
    set_bytes(KEYS[4], bytes_of(KEYS[4]) - size_of(score))
end
return {life, moment}
