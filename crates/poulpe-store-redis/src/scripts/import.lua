-- Takes in what another store kept.
--
-- KEYS: see prelude.lua.
-- ARGV from 6, for each item its kind and
--   "c": name; value;
--   "j" a job that is to be run, "d" a dead letter: seq; id; chosen; digest; rank; lanes; retry interval in ms; accepted; due;
--   claims; attempts; failures; losses; body; how many errors, and these; of a dead letter also "1" if it was copied to its
--   file or else "0"; its result; when it ended in ms;
--   "e" a job that is done: seq; id; chosen; digest; result; when it ended in ms;
--   "g" a guarded id: seq; id; chosen; digest; when its job ended in ms.
-- Returns: 1.
-- Repeated: what is there already stays as it is.
local at = 5
local function take()
  at = at + 1
  return ARGV[at]
end

local last = tonumber(redis.call('HGET', META, 'seq') or 0)

local function blank(id, chosen, digest)
  return {
    VERSION, id, chosen, digest, 0, '*', now_ms, 0, now_ms, '', 0, 0, 0, 0, 0, '', 0, -1, 0, '', '', 0, 0, '', 0, '', '',
  }
end

-- Keeps the result or guards the id, unless that is over or the id belongs to another job; whether it does.
local function keep(seq, job, finished_at, kept, line)
  local expires = math.min(finished_at, now_ms) + result_ttl
  look_up({ job[NAME] })
  if expires <= now_ms or seq_of[job[NAME]] then return false end
  job[KEPT], job[EXPIRES] = kept, expires
  seq_of[job[NAME]] = seq
  later('HSET', ID, job[NAME], seq)
  later('ZADD', line, text_of(expires), seq)
  chosen_more = chosen_more + job[CHOSEN]
  if kept == 'r' then bytes_more = bytes_more + job[LEN] end
  return true
end

local function read_job()
  local seq, id, chosen, digest = take(), take(), tonumber(take()), take()
  local job = blank(id, chosen, digest)
  job[RANK], job[QUEUE], job[INTERVAL] = tonumber(take()), take(), tonumber(take())
  job[ACCEPTED], job[DUE] = tonumber(take()), tonumber(take())
  job[CLAIMS], job[ATTEMPTS], job[FAILURES], job[LOSSES] = tonumber(take()), tonumber(take()), tonumber(take()), tonumber(take())
  local body, errors = take(), {}
  for n = 1, tonumber(take()) do errors[n] = take() end
  job[ERRORS] = #errors
  return seq, job, body, errors
end

local function is_new(seq)
  last = math.max(last, tonumber(seq))
  return redis.call('HEXISTS', JOB, seq) == 0
end

local function store(seq, job, body, errors)
  later('HSET', BODY, seq, body)
  if #errors > 0 then later('HSET', ERROR, seq, cmsgpack.pack(errors)) end
  save(seq, job)
end

while at < #ARGV do
  local kind = take()
  if kind == 'c' then
    local name, value = take(), take()
    later('HSET', CHECKPOINT, name, VERSION .. value)
  elseif kind == 'j' then
    local seq, job, body, errors = read_job()
    if is_new(seq) then
      later('HSET', ID, job[NAME], seq)
      seq_of[job[NAME]] = seq
      store(seq, job, body, errors)
      place(seq, job)
    end
  elseif kind == 'd' then
    local seq, job, body, errors = read_job()
    local copied, result, finished_at = take(), take(), tonumber(take())
    if is_new(seq) then
      job[PHASE], job[LEN], job[RESULT] = 'd', #result, result
      store(seq, job, body, errors)
      later('ZADD', DEAD, seq, seq)
      if copied ~= '1' then later('ZADD', OUTBOX, seq, seq) end
      -- Dead letters come in the order of acceptance.
      job[OLDER] = redis.call('HGET', DEAD_ID, job[NAME]) or ''
      redis.call('HSET', DEAD_ID, job[NAME], seq)
      keep(seq, job, finished_at, 'r', BURIED)
    end
  else
    local seq, id, chosen, digest = take(), take(), tonumber(take()), take()
    local job = blank(id, chosen, digest)
    job[PHASE] = 'e'
    if kind == 'e' then
      local result, finished_at = take(), tonumber(take())
      job[LEN], job[RESULT] = #result, result
      if is_new(seq) and keep(seq, job, finished_at, 'r', DONE) then save(seq, job) end
    else
      local finished_at = tonumber(take())
      if is_new(seq) and keep(seq, job, finished_at, 'g', GUARDS) then save(seq, job) end
    end
  end
end
redis.call('HSET', META, 'seq', string.format('%.0f', last))
write()
tell()
return 1
