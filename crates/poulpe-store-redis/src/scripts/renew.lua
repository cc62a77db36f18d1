-- Moves the ends of leases.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: the lease in microseconds; for each the id of the job and its lease as "claims:incarnation:nonce".
-- Returns: for each "H" held, "C" held but the job was cancelled, "L" lost.
-- Repeated: the lease ends a little later.
local lease = tonumber(ARGV[6])
local ids = {}
for at = 7, #ARGV, 2 do ids[#ids + 1] = ARGV[at] end
look_up(ids)
local answers = {}
for n, id in ipairs(ids) do
  local seq = seq_of[id]
  local job = seq and load(seq)
  if holds(job, ARGV[6 + 2 * n]) then
    job[ENDS] = now + lease
    later('ZADD', LEASES, text_of(job[ENDS]), seq)
    save(seq, job)
    answers[n] = job[CANCEL] == 1 and 'C' or 'H'
  else
    answers[n] = 'L'
  end
end
write()
return answers
