-- Takes dead letters out of the outbox.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: their sequences, 15 digits each.
-- Returns: how many were in it.
-- Repeated: what isn't in it is ignored.
for at = 6, #ARGV do later('ZREM', OUTBOX, ARGV[at]) end
write()
return 0
