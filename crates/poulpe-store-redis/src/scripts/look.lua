-- What is known of jobs. Changes nothing.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: "i" and ids: the living job, else the kept result, else the newest dead letter of each; "d" and ids: the
-- newest dead letter of each; "s" and sequences; "o" and a number: so many of the oldest in the outbox; "l" and a number, a
-- sequence: so many dead letters behind it.
-- Returns: for each a view (see prelude.lua), or "E" if its result is no longer kept, or "U" if nothing is known.
local what = ARGV[6]
local answers = {}

local function by_id(id)
  local seq, job = known(id)
  if not job then
    local dead, dead_job = newest_dead(id)
    return dead_job and view(dead, dead_job) or 'U'
  end
  if job[PHASE] == 'e' and job[KEPT] == 'g' then return 'E' end
  return view(seq, job)
end

local seqs = {}
if what == 'i' or what == 'd' then
  local ids = {}
  for at = 7, #ARGV do ids[#ids + 1] = ARGV[at] end
  look_up(ids)
  for n, id in ipairs(ids) do
    if what == 'i' then
      answers[n] = by_id(id)
    else
      local seq, job = newest_dead(id)
      answers[n] = job and view(seq, job) or 'U'
    end
  end
  return answers
elseif what == 's' then
  for at = 7, #ARGV do seqs[#seqs + 1] = ARGV[at] end
elseif what == 'o' then
  seqs = redis.call('ZRANGE', OUTBOX, 0, tonumber(ARGV[7]) - 1)
else
  seqs = redis.call('ZRANGEBYSCORE', DEAD, '(' .. ARGV[8], '+inf', 'LIMIT', 0, tonumber(ARGV[7]))
end
load_all(seqs)
for n, seq in ipairs(seqs) do
  local job = load(seq)
  answers[n] = job and view(seq, job) or 'U'
end
return answers
