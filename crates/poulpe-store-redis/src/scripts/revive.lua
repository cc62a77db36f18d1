-- Puts the newest dead letter of an id back, due at once, with fresh retries.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: the id; a random token of this call.
-- Returns: "D" done, "T" the id belongs to another job now, "U" no such dead letter.
-- Repeated: a job that this call has revived knows its token, and is done again.
local id, token = ARGV[6], ARGV[7]
local other, other_job = known(id)
if other_job and other_job[TOKEN] == token then return 'D' end
local seq, job = newest_dead(id)
if not job then return 'U' end
if other_job and other ~= seq then return 'T' end
look_up({ id })
local old = seq_of[id]
if old and old ~= seq and load(old) then forget(old, load(old)) end
drop_result(seq, job)
if job[KEPT] == 'g' then later('ZREM', GUARDS, seq) end
if job[KEPT] ~= '' then chosen_more = chosen_more - job[CHOSEN] end
take_dead(seq, job)
job[LEN], job[RESULT] = 0, ''
later('HSET', ID, id, seq)
job[KEPT], job[SETTLED], job[TOKEN], job[DUE] = '', '', token, now_ms
job[FAILURES], job[LOSSES], job[CANCEL] = 0, 0, 0
make_ready(seq, job)
save(seq, job)
write()
tell()
return 'D'
