-- Lists the daemons that are known. Changes nothing.
--
-- KEYS: see prelude.lua and beat.lua.
-- ARGV from 6: how many at most.
-- Returns: the time in ms, then for each its incarnation, when it told in ms, and what. Those written by a newer poulpe are left out.
local answer = { now_ms }
local reached, most = '(' .. string.format('%.0f', now_ms), tonumber(ARGV[6])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', MEMBER_ENDS, reached, '+inf', 'LIMIT', 0, most)) do
  local raw = redis.call('HGET', MEMBERS, id)
  local record = raw and cmsgpack.unpack(raw)
  if record and record[1] == 1 then
    answer[#answer + 1] = id
    answer[#answer + 1] = record[2]
    answer[#answer + 1] = record[3]
  end
end
return answer
