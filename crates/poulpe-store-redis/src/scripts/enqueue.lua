-- Accepts jobs. Each group is taken as a whole with its checkpoint, or not at all.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: for each group
--   the number of its entries; the name of its checkpoint, empty if it has none; then, if it has one: "1" and the expected
--   value or "0" and nothing, and the next value;
--   for each entry: id; as `struct` packs them "j" or, for a dead letter, "d", 1 if the id was chosen or 0, rank, retry interval
--   in ms, "+" or "=" and when it is due in ms, digest, and lanes ("*" any, else "1,3"); body; for a dead letter also
--   result, the time in ms at which it ended, error.
-- Returns: for each group an array: {"M"} if its checkpoint wasn't the expected one, else for each entry "N" and its state,
-- "D" and the state of the job that has the id, or "C" for a conflict. States are those of prelude.lua.
-- Repeated: jobs that were accepted are duplicates, a checkpoint that has the next value already lets its group pass and
-- nothing of it is written.
local at = 5
local function take()
  at = at + 1
  return ARGV[at]
end

local groups, ids = {}, {}
while at < #ARGV do
  local group = { entries = {} }
  local many = tonumber(take())
  group.name = take()
  if group.name ~= '' then
    local is_there = take()
    local expected = take()
    group.expected = is_there == '1' and expected
    group.next = take()
  end
  for n = 1, many do
    local id, head, body = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    at = at + 3
    local kind, chosen, rank, interval, sign, due, digest, lanes = struct.unpack('>c1BBdc1dBc0Hc0', head)
    -- The job as it will be, and what else is to be known of it.
    local entry = {
      VERSION, id, chosen, digest, rank, lanes, now_ms, interval, now_ms, '', 0, 0, 0, 0, 0, '', 0, -1, 0, '', '', 0, 0, '', 0,
      '', '', is_dead = kind == 'd', sign = sign, due = due, body = body,
    }
    if entry.is_dead then entry.result, entry.finished_at, entry.error = take(), tonumber(take()), take() end
    group.entries[n] = entry
    ids[#ids + 1] = id
  end
  groups[#groups + 1] = group
end
look_up(ids)

local first_seq = tonumber(redis.call('HGET', META, 'seq') or 0)
local last_seq = first_seq

local function answer_known(entry)
  local id = entry[NAME]
  local _, job = known(id)
  -- Whose it is can't be told: only a newer poulpe can read it.
  if newer[seq_of[id]] then return 'C' end
  if not job then return nil end
  if job[DIGEST] ~= entry[DIGEST] then return 'C' end
  return 'D' .. state_of(job)
end

-- The first digits of sequences, which change every thousand.
local thousands, thousands_text

local function sequence(number)
  local rest = number % 1000
  if number - rest ~= thousands then
    thousands = number - rest
    thousands_text = string.format('%012.0f', thousands / 1000)
  end
  return thousands_text .. DIGITS[rest]
end

local function accept(entry)
  local answer = answer_known(entry)
  if answer then return answer end
  local id = entry[NAME]
  local old = seq_of[id]
  if old and load(old) then forget(old, load(old)) end
  last_seq = last_seq + 1
  local seq, job = sequence(last_seq), entry
  seq_of[id] = seq
  later('HSET', ID, id, seq)
  later('HSET', BODY, seq, entry.body)
  save(seq, job)
  if entry.is_dead then
    add_error(seq, job, entry.error)
    finish(seq, job, 'd', entry.result, entry.finished_at)
  else
    job[DUE] = resolve(entry.sign, entry.due)
    place(seq, job)
  end
  return 'N' .. state_of(job)
end

local answers, moved = {}, {}
for _, group in ipairs(groups) do
  local answer = {}
  local is_repeat = false
  if group.name ~= '' then
    local value = moved[group.name]
    if value == nil then
      local stored = redis.call('HGET', CHECKPOINT, group.name)
      value = stored and string.sub(stored, 2)
    end
    if value ~= group.expected then
      is_repeat = value == group.next
      if not is_repeat then answer = { 'M' } end
    else
      moved[group.name] = group.next
      later('HSET', CHECKPOINT, group.name, VERSION .. group.next)
    end
  end
  if answer[1] ~= 'M' then
    for n, entry in ipairs(group.entries) do
      -- What is no longer known of a repeat has ended since.
      answer[n] = is_repeat and (answer_known(entry) or 'DE') or not is_repeat and accept(entry)
    end
  end
  answers[#answers + 1] = answer
end
if last_seq > first_seq then redis.call('HSET', META, 'seq', string.format('%.0f', last_seq)) end
write()
if #finished > 0 then evict(#finished * 2 + 16) end
tell()
return answers
