-- Notes that a daemon lives, or that it leaves; forgets those that fell silent.
--
-- KEYS: see prelude.lua. `members` has incarnation -> an array in MessagePack: 1 version, 2 when it told, in ms, 3 what;
-- `member_ends` incarnations by the time in ms at which they are forgotten.
-- ARGV from 6: incarnation; for how many ms it counts; what it tells, empty if it leaves.
-- Returns: 1, or 0 if the jobs were moved elsewhere, and then nothing is noted.
-- Repeated: it told a little later. One that left may be known again for the time that its last word counts.

-- How many one call forgets.
local MOST = 100
if redis.call('EXISTS', MOVED) == 1 then return 0 end
local id, keep = ARGV[6], tonumber(ARGV[7])
if ARGV[8] == '' then
  redis.call('HDEL', MEMBERS, id)
  redis.call('ZREM', MEMBER_ENDS, id)
else
  redis.call('HSET', MEMBERS, id, cmsgpack.pack({ 1, now_ms, ARGV[8] }))
  redis.call('ZADD', MEMBER_ENDS, string.format('%.0f', now_ms + keep), id)
end
local reached = string.format('%.0f', now_ms)
for _, silent in ipairs(redis.call('ZRANGEBYSCORE', MEMBER_ENDS, '-inf', reached, 'LIMIT', 0, MOST)) do
  redis.call('HDEL', MEMBERS, silent)
  redis.call('ZREM', MEMBER_ENDS, silent)
end
return 1
