-- Ends leases with verdicts.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: for each settlement the id of the job; its lease as "claims:incarnation:nonce"; the verdict and three values:
--   "c" complete: result, the time in ms at which it ended, nothing;
--   "r" retry: due as "+MS" or "=MS", error, nothing;
--   "n" release, not started: due, nothing, nothing;
--   "i" release, interrupted: due, nothing, nothing;
--   "b" bury: result, the time in ms at which it ended, error.
-- Returns: for each "H" if this settlement ended the lease, "L" if the lease isn't valid: nothing was changed.
-- Repeated: the lease that a job was settled under last is known by the job, and answered "H".
local ids = {}
for at = 6, #ARGV, 6 do ids[#ids + 1] = ARGV[at] end
look_up(ids)

local function settle(seq, job, verdict, x, y, z)
  local started = job[STARTED]
  local is_cancelled = job[CANCEL] == 1
  take_out(seq, job)
  if verdict == 'n' and started < 0 then
    -- Its start was marked by the claim, and never came.
    job[ATTEMPTS], started = job[ATTEMPTS] - 1, 0
  end
  if verdict == 'c' then
    finish(seq, job, 'e', x, tonumber(y))
  elseif is_cancelled then
    finish(seq, job, 'e', cancelled(job), now_ms)
  elseif verdict == 'b' then
    job[FAILURES] = job[FAILURES] + 1
    add_error(seq, job, z)
    finish(seq, job, 'd', x, tonumber(y))
  elseif verdict == 'n' and started == 0 and x == '+0' then
    -- It was due before it was handed out, whatever the clock reads now.
    make_ready(seq, job)
  else
    if verdict == 'r' then
      job[FAILURES] = job[FAILURES] + 1
      add_error(seq, job, y)
    end
    job[DUE] = resolve(string.sub(x, 1, 1), tonumber(string.sub(x, 2)))
    place(seq, job)
  end
end

local answers = {}
for n, id in ipairs(ids) do
  local at = 6 * n
  local seq, fence = seq_of[id], ARGV[at + 1]
  local job = seq and load(seq)
  if job and job[SETTLED] == fence then
    answers[n] = 'H'
  elseif holds(job, fence) then
    job[SETTLED] = fence
    settle(seq, job, ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
    save(seq, job)
    answers[n] = 'H'
  else
    answers[n] = 'L'
  end
end
write()
if #finished > 0 then evict(#finished * 2 + 16) end
tell()
return answers
