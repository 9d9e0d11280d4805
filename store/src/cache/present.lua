-- What the scripts have in common.

-- Which process of Redis this is. One that has started from a snapshot, or a replica that was promoted, may lack what was changed last,
-- so nothing is believed that another one has kept. Empty where Redis does not tell.
local function run()
    local told = redis.pcall('INFO', 'server')
    return type(told) == 'string' and string.match(told, 'run_id:(%x+)') or ''
end

-- Whether Redis has refused: it is full, read-only, or can't write its snapshot.
local function refused(answer)
    return type(answer) == 'table' and answer.err ~= nil
end

-- The score of an answer in the index: the second in which it ends, times SIZES, plus its size in units of UNIT bytes.
local UNIT, SIZES = 256, 16384

local function size_of(score)
    return tonumber(score) % SIZES * UNIT
end

local function bytes_of(key)
    return tonumber(redis.call('GET', key) or '0')
end

local function set_bytes(key, bytes)
    redis.call('SET', key, string.format('%.0f', math.max(bytes, 0)))
end
