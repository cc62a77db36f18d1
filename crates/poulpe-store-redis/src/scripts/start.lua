-- Marks attempts as started.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: for each start the id of the job and its lease as "claims:incarnation:nonce".
-- Returns: for each the number of the attempt, 0 if the lease has ended, -1 if the job was cancelled.
-- Repeated: a lease that started has its number already.
local ids = {}
for at = 6, #ARGV, 2 do ids[#ids + 1] = ARGV[at] end
look_up(ids)
local answers = {}
for n, id in ipairs(ids) do
  local seq = seq_of[id]
  local job = seq and load(seq)
  if not holds(job, ARGV[5 + 2 * n]) then
    answers[n] = 0
  elseif job[CANCEL] == 1 then
    answers[n] = -1
  else
    if job[STARTED] <= 0 then
      if job[STARTED] == 0 then job[ATTEMPTS] = job[ATTEMPTS] + 1 end
      job[STARTED] = job[ATTEMPTS]
      save(seq, job)
    end
    answers[n] = job[STARTED]
  end
end
write()
return answers
