-- Puts aside what poulpe 0.2 left of tasks that were taken over.
--
-- KEYS: 1 `task||working`, 2 `task||wrong`, 3 `task||delayed`; then for each task its key and the name that its record gets.
-- ARGV: 1 the time of tests; 2 to 5 not used; from 6 for each task how many members of `task||delayed` are its own, and these.
-- Returns: 1.
-- Repeated: the record has its new name already.
local at = 5
local function take()
  at = at + 1
  return ARGV[at]
end
for n = 4, #KEYS, 2 do
  local key = KEYS[n]
  if redis.call('EXISTS', key) == 1 then redis.call('RENAME', key, KEYS[n + 1]) end
  redis.call('SREM', KEYS[1], key)
  redis.call('SREM', KEYS[2], key)
  for _ = 1, tonumber(take()) do redis.call('SREM', KEYS[3], take()) end
end
return 1
