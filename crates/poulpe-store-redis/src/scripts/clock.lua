-- The time, in microseconds since the epoch, by the server's own clock.
local function read_clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end
