-- Gives one back that was counted: what came of it does not count.
-- KEYS[1]  whom it is about, under which limit
-- ARGV     interval in microseconds
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local arrival = tonumber(redis.call('GET', KEYS[1]) or '0') - tonumber(ARGV[1])
if arrival > now then
    redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
else
    redis.call('DEL', KEYS[1])
end
return 0
