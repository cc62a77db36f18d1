-- Removes the newest dead letter of an id for good.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: the id; a random token of this call.
-- Returns: 1 if there was one, else 0.
-- Repeated: the token of a purge is kept for some minutes, far longer than any repeat comes after it.
local id, token = ARGV[6], ARGV[7]
if redis.call('EXISTS', PURGED .. token) == 1 then return 1 end
local seq, job = newest_dead(id)
if not job then return 0 end
take_dead(seq, job)
forget(seq, job)
later('HDEL', JOB, seq)
later('HDEL', BODY, seq)
later('HDEL', ERROR, seq)
jobs[seq], dirty[seq] = false, nil
redis.call('SET', PURGED .. token, VERSION, 'PX', 600000)
write()
return 1
