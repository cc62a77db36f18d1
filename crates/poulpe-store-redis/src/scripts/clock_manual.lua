-- The time, in microseconds since the epoch: what the tests of this crate say, else the server's own clock. Stands in for
-- clock.lua in builds with the feature `manual-time` only.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
