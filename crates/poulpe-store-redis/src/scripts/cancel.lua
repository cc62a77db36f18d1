-- Cancels a job: at once if it isn't running, else as a request to whoever runs it.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: the id; a random token of this call.
-- Returns: "D" done, "Q" requested, "U" unknown, or "E" and the state in which the job had ended.
-- Repeated: a job that this call has cancelled knows its token, and is done again.
local id, token = ARGV[6], ARGV[7]
local seq, job = known(id)
if not job then return newest_dead(id) and 'EX' or 'U' end
if has_ended(job) then return job[TOKEN] == token and 'D' or 'E' .. state_of(job) end
if job[PHASE] == 'l' then
  if job[CANCEL] == 0 then
    job[CANCEL] = 1
    save(seq, job)
    write()
    redis.call('PUBLISH', ON_CANCEL, id .. '\n' .. job[FENCE])
  end
  return 'Q'
end
take_out(seq, job)
job[TOKEN] = token
finish(seq, job, 'e', cancelled(job), now_ms)
write()
evict(16)
tell()
return 'D'
