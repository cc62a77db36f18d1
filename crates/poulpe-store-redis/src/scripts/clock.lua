-- The time, in microseconds since the epoch, by the server's own clock.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
