-- Moves a checkpoint if it has the expected value.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: name; "1" and the expected value, or "0" and nothing if it must not exist; the next value.
-- Returns: 1 if it has the next value now, else 0.
-- Repeated: it has the next value already.
local stored = redis.call('HGET', CHECKPOINT, ARGV[6])
local value = stored and string.sub(stored, 2)
local expected = ARGV[7] == '1' and ARGV[8]
if value == ARGV[9] then return 1 end
if value ~= expected then return 0 end
redis.call('HSET', CHECKPOINT, ARGV[6], VERSION .. ARGV[9])
return 1
