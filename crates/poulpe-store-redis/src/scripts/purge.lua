-- Removes the newest dead letter of an id for good.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: the id; a random token of this call.
-- Returns: 1 if there was one, else 0.
-- Repeated: the token of the latest purge is kept.
local id, token = ARGV[6], ARGV[7]
if redis.call('HGET', META, 'purged') == token then return 1 end
local seq, job = newest_dead(id)
if not job then return 0 end
take_dead(seq, job)
forget(seq, job)
later('HDEL', JOB, seq)
later('HDEL', BODY, seq)
later('HDEL', ERROR, seq)
jobs[seq], dirty[seq] = false, nil
redis.call('HSET', META, 'purged', token)
write()
return 1
