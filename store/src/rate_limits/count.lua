-- Counts what a node has admitted, and whether one more is admitted: GCRA on this server's clock, in microseconds.
-- KEYS[1]  whom it is about, under which limit
-- ARGV     interval, tolerance, how many were admitted before without asking, the arrival time that the node knows of
--          (after a flush or a fail-over this server may not), and how far ahead of now it may be
-- Answers  1 or 0, how far ahead of now the arrival time is, the arrival time
local interval, tolerance, spent = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local known, most = tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), known, now)
arrival = math.min(arrival + spent * interval, now + most)
local admitted = 0
if arrival - now <= tolerance then
    arrival = arrival + interval
    admitted = 1
end
if arrival > now then
    -- Numbers become text with 14 digits unless told otherwise.
    redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
end
return {admitted, arrival - now, arrival}
