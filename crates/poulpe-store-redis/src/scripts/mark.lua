-- Notes a move of this poulpe's jobs, or forgets it; not while a daemon uses them.
--
-- KEYS: 1 `moved`, the note; 2 `member_ends`; 3 `leases`.
-- ARGV: 1 the time of tests; 2 to 5 not used; 6 the note, empty to forget it.
-- Returns: 1 done, 0 a daemon uses the jobs: it told of itself a moment ago, or a lease is valid.
-- Repeated: the same.
local now_ms = math.floor(now / 1000)
local members = redis.call('ZCOUNT', KEYS[2], '(' .. string.format('%.0f', now_ms), '+inf')
local leases = redis.call('ZCOUNT', KEYS[3], '(' .. string.format('%.0f', now), '+inf')
if members + leases > 0 then return 0 end
if ARGV[6] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[6])
end
return 1
