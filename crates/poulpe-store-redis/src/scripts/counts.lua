-- How many jobs there are. Exact after tidy.lua.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: nothing.
-- Returns: delayed, running, retrying, dead, done, outbox, the time in ms at which the next waiting job is due or -1; then
-- for each filled queue its lanes ("*" any, else "1,3") and how many wait there. Lanes may come twice.
local answer = {
  redis.call('ZCARD', DELAYED), redis.call('ZCARD', LEASES), redis.call('ZCARD', RETRYING), redis.call('ZCARD', DEAD),
  redis.call('ZCARD', DONE), redis.call('ZCARD', OUTBOX), first_waiting() or -1,
}
for _, name in ipairs(redis.call('SMEMBERS', FILLED)) do
  answer[#answer + 1] = string.match(name, '^!?(.*)$')
  answer[#answer + 1] = redis.call('ZCARD', ready_key(name))
end
return answer
