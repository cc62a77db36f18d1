-- The time, in microseconds since the epoch: what the tests of this crate say, else the server's own clock. Stands in for
-- clock.lua in builds with the feature `manual-time` only.
local function read_clock(told)
  if tonumber(told) then return tonumber(told) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end
