-- Notes that a daemon lives, or that it leaves; forgets those that fell silent.
--
-- KEYS: 1 `members`, a hash: incarnation -> an array in MessagePack: 1 version, 2 when it told, in ms, 3 what it told; 2
-- `member_ends`, a sorted set: incarnation by the time in ms at which it is forgotten; 3 `moved`, the note of a move.
-- ARGV: 1 the time of tests; 2 to 5 not used; 6 incarnation; 7 for how many ms it counts; 8 what it tells, empty if it leaves.
-- Returns: 1, or 0 if the jobs were moved elsewhere, and then nothing is noted.
-- Repeated: it told a little later. One that left may be known again for the time that its last word counts.
local MEMBERS, ENDS = KEYS[1], KEYS[2]
local VERSION = 1
-- How many one call forgets.
local PAGE = 100
local now_ms = math.floor(now / 1000)
local id, keep = ARGV[6], tonumber(ARGV[7])
if redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
if ARGV[8] == '' then
  redis.call('HDEL', MEMBERS, id)
  redis.call('ZREM', ENDS, id)
else
  redis.call('HSET', MEMBERS, id, cmsgpack.pack({ VERSION, now_ms, ARGV[8] }))
  redis.call('ZADD', ENDS, now_ms + keep, id)
end
for _, silent in ipairs(redis.call('ZRANGEBYSCORE', ENDS, '-inf', now_ms, 'LIMIT', 0, PAGE)) do
  redis.call('HDEL', MEMBERS, silent)
  redis.call('ZREM', ENDS, silent)
end
return 1
