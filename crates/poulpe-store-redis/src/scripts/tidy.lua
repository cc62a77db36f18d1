-- Moves what has fallen due to ready and drops what is over the limits, so that what is counted or listed next is exact.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: at most how many of each.
-- Returns: 1 if there may be more to do, else 0.
-- Repeated: it goes on.
local most = tonumber(ARGV[6])
local moved_all = move_due(most)
local has_more = evict(most)
tell()
return (has_more or not moved_all) and 1 or 0
