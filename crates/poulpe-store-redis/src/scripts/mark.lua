-- Notes a move of this poulpe's jobs, or forgets it; not while a daemon uses them.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: the note, empty to forget it.
-- Returns: 1 done, 0 a daemon uses the jobs: it told of itself a moment ago, or a lease is valid.
-- Repeated: the same.
local members = redis.call('ZCOUNT', MEMBER_ENDS, '(' .. string.format('%.0f', now_ms), '+inf')
local leases = redis.call('ZCOUNT', LEASES, '(' .. string.format('%.0f', now), '+inf')
if members + leases > 0 then return 0 end
if ARGV[6] == '' then
  redis.call('DEL', MOVED)
else
  redis.call('SET', MOVED, ARGV[6])
end
return 1
