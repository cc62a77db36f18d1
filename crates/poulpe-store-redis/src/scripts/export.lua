-- The next of everything that is kept, to take it elsewhere. Changes nothing.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: the part; the place in it; how many at most. Parts: 0 delayed, 1 retrying, 2 leased, 3 dead, 4 done, 5 guarded
-- ids, 6 checkpoints, from 7 on the ready queues by name. Nothing else may change the store meanwhile.
-- Returns: the part and the place that follow, or -1 and -1; about how many items there are in all; then for each a
-- checkpoint {"C", name, value}, or a job {"J", seq, phase, id, chosen, digest, body, accepted, due, claims, attempts,
-- failures, losses, cancel, started attempt or 0, end of its lease in us, kept, expires, result, 1 if it is in the outbox or else 0,
-- errors}. What has expired is left out.
local part, place, many = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local queues = redis.call('SMEMBERS', FILLED)
table.sort(queues)
local keys = { [0] = DELAYED, [1] = RETRYING, [2] = LEASES, [3] = DEAD, [4] = DONE, [5] = GUARDS }
local last = 6 + #queues
local answer = { 0, 0, redis.call('HLEN', JOB) + redis.call('HLEN', CHECKPOINT) }
local found

if part == 6 then
  local names = redis.call('HKEYS', CHECKPOINT)
  table.sort(names)
  found = math.max(0, math.min(many, #names - place))
  for n = place + 1, place + found do
    answer[#answer + 1] = { 'C', names[n], string.sub(redis.call('HGET', CHECKPOINT, names[n]), 2) }
  end
elseif part <= last then
  local key = keys[part] or READY .. queues[part - 6]
  local seqs = redis.call('ZRANGE', key, place, place + many - 1)
  found = #seqs
  load_all(seqs)
  for _, seq in ipairs(seqs) do
    local job = load(seq)
    if newer[seq] then return redis.error_reply('NEWER a newer poulpe wrote a record; upgrade this one') end
    local is_wanted = job
    if job and (part == 4 or part == 5) then is_wanted = job[PHASE] == 'e' and job[EXPIRES] > now_ms end
    if is_wanted then
      local errors = {}
      if job[ERRORS] > 0 and job[PHASE] ~= 'e' then errors = cmsgpack.unpack(redis.call('HGET', ERROR, seq)) end
      local in_outbox = part == 3 and redis.call('ZSCORE', OUTBOX, seq)
      answer[#answer + 1] = {
        'J', seq, job[PHASE], job[NAME], job[CHOSEN], job[DIGEST], redis.call('HGET', BODY, seq) or '', job[ACCEPTED],
        job[DUE], job[CLAIMS], job[ATTEMPTS], job[FAILURES], job[LOSSES], job[CANCEL], math.abs(job[STARTED]), job[ENDS], job[KEPT],
        job[EXPIRES], job[RESULT], in_outbox and 1 or 0, errors,
      }
    end
  end
else
  found = 0
end

if found == many then
  answer[1], answer[2] = part, place + many
elseif part < last then
  answer[1], answer[2] = part + 1, 0
else
  answer[1], answer[2] = -1, -1
end
return answer
