-- One step of a walk over the index: deletes the answers of one page that are meant.
-- KEYS[1]  the index   KEYS[2]  how many bytes all answers take
-- ARGV     where to go on, the pattern of names, the only key that is meant or '', slots of which an answer must show one (none: all
--          are meant), what begins every key of an answer
-- Answers  {where to go on; '0' at the end, how many were deleted}
local page = redis.call('ZSCAN', KEYS[1], ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500)
local wanted, deleted, freed = {}, 0, 0
for slot in string.gmatch(ARGV[4], '%d+') do wanted[slot] = true end
for place = 1, #page[2], 2 do
    local name = page[2][place]
    -- The build that made it comes before the key.
    local meant = ARGV[3] == '' or string.match(name, '^%x+:(.*)$') == ARGV[3]
    if meant and next(wanted) then
        meant = false
        for slot in string.gmatch(redis.call('HGET', ARGV[5] .. name, 'slots') or '', '%d+') do
            if wanted[slot] then meant = true end
        end
    end
    if meant then
        deleted = deleted + redis.call('DEL', ARGV[5] .. name)
        redis.call('ZREM', KEYS[1], name)
        freed = freed + size_of(page[2][place + 1])
    end
end
if freed > 0 then set_bytes(KEYS[2], bytes_of(KEYS[2]) - freed) end
return {page[1], deleted}
