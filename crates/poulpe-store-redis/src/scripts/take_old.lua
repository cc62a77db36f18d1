-- Puts aside what poulpe 0.2 left of tasks that were taken over.
--
-- KEYS: see prelude.lua. Beside them those of poulpe 0.2, which are on no Cluster.
-- ARGV from 6: for each task the name that its record gets, its key, how many members of `task||delayed` are its own, and
-- these.
-- Returns: 1.
-- Repeated: the record has its new name already.
local at = 5
local function take()
  at = at + 1
  return ARGV[at]
end
while at < #ARGV do
  local aside, key = take(), take()
  if redis.call('EXISTS', key) == 1 then redis.call('RENAME', key, aside) end
  redis.call('SREM', 'task||working', key)
  redis.call('SREM', 'task||wrong', key)
  for _ = 1, tonumber(take()) do redis.call('SREM', 'task||delayed', take()) end
end
return 1
