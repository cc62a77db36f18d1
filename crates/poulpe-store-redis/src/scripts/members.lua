-- Lists the daemons that are known. Changes nothing.
--
-- KEYS: see beat.lua.
-- ARGV: 1 the time of tests; 2 to 5 not used; 6 how many at most.
-- Returns: the time in ms, then for each its incarnation, when it told in ms, and what. Those written by a newer poulpe are left out.
local now_ms = math.floor(now / 1000)
local answer = { now_ms }
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. string.format('%.0f', now_ms), '+inf', 'LIMIT', 0, tonumber(ARGV[6]))) do
  local raw = redis.call('HGET', KEYS[1], id)
  local record = raw and cmsgpack.unpack(raw)
  if record and record[1] == 1 then
    answer[#answer + 1] = id
    answer[#answer + 1] = record[2]
    answer[#answer + 1] = record[3]
  end
end
return answer
