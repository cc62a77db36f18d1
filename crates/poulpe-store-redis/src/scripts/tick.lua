-- What each daemon asks once a second: drops what is over the limits, and tells what a lost wake-up would have told.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: ids that somebody waits for.
-- Returns: 1 if there is something to claim, else 0; then those of the ids whose jobs live no more.
-- Repeated: it tells it again.
evict(1000)
local first = first_waiting()
local ends = redis.call('ZRANGE', LEASES, 0, 0, 'WITHSCORES')[2]
local has_work = redis.call('SCARD', FILLED) > 0 or (first and first <= now_ms) or (ends and tonumber(ends) <= now)
local answer = { has_work and 1 or 0 }
local ids = {}
for at = 6, #ARGV do ids[#ids + 1] = ARGV[at] end
look_up(ids)
for _, id in ipairs(ids) do
  local _, job = known(id)
  if not job or has_ended(job) then answer[#answer + 1] = id end
end
return answer
