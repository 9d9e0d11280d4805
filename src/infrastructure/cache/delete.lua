-- One step of a walk over all answers: deletes those of one page that are meant.
-- KEYS[1]  decides about the node of a cluster
-- ARGV     where to go on, the pattern of keys, slots of which an answer must show one (none: all are meant)
-- Answers  {where to go on; '0' at the end, how many were deleted}
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 200)
local wanted, deleted = {}, 0
for slot in string.gmatch(ARGV[3], '%d+') do wanted[slot] = true end
for _, key in ipairs(page[2]) do
    local meant = next(wanted) == nil
    if not meant then
        for slot in string.gmatch(redis.call('HGET', key, 'slots') or '', '%d+') do
            if wanted[slot] then meant = true end
        end
    end
    if meant then deleted = deleted + redis.call('DEL', key) end
end
return {page[1], deleted}
