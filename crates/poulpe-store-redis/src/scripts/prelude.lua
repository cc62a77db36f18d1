-- What all verbs share: what a call begins with, records, and how they are written. Comes behind the names of the keys and
-- the clock; behind it come moves.lua, and the verbs, each the inside of a function.
--
-- KEYS: one, what all keys begin with; keys.rs names those that the verbs use. On a Cluster they are in its slot.
-- ARGV: 1 the time of tests, empty otherwise; 2 result_ttl in ms; 3 result_max; 4 result_bytes; 5 id_max; from 6 on what
-- the verb's own head says.
--
-- A verb reads first, then changes jobs in memory and notes what is to be written, then writes all of it, then tells. What
-- a call has in memory is a local of this library: `begin` makes it anew, and
-- nothing but texts of numbers and numbers of texts may be kept from call to call.


-- A job's record: these fields as `struct` packs them, then its result. What the task asks for is apart: long strings are
-- what takes Lua longest.
local V, NAME, CHOSEN, DIGEST, RANK, QUEUE, ACCEPTED, INTERVAL = 1, 2, 3, 4, 5, 6, 7, 8
local DUE, PHASE, CLAIMS, ATTEMPTS, FAILURES, LOSSES, CANCEL = 9, 10, 11, 12, 13, 14, 15
local FENCE, ENDS, LANE, STARTED, SETTLED = 16, 17, 18, 19, 20
local KEPT, EXPIRES, LEN, OLDER, ERRORS, TOKEN = 21, 22, 23, 24, 25, 26
local RESULT = 27
local FORMAT = '>BBc0BBc0BHc0dddc1I4I4I4I4BBc0di4i4Bc0Bc0dI4Bc0I4Bc0'

local VERSION = 1
-- From so many losses on a job is handed out for idle lanes only.
local CAREFUL = 2
-- How many errors a job keeps: the first ones and the latest.
local KEPT_ERRORS = 100
-- The highest due time: beyond it a number of Lua isn't exact.
local MAX_DUE = 9007199254740991
-- How many values go with one command: the stack of Lua is bounded.
local PAGE = 500

-- The last three digits of numbers: making a text of a number is slow. While it is loaded a library has no `string`.
local DIGITS = {}
for n = 0, 999 do DIGITS[n] = (n < 10 and '00' or n < 100 and '0' or '') .. n end

local ARGV, base, now, now_ms

-- A number as a text: Redis takes long to make one of it, and many that follow each other are the same.
local text_number, text

local function text_of(number)
  if number ~= text_number then
    text_number, text = number, string.format('%.0f', number)
  end
  return text
end

-- Writing -----------------------------------------------------------------------------------------------------------

local removals, additions, by_command
local jobs, dirty, newer
local bytes_more, chosen_more

local REMOVES = { ZREM = true, HDEL = true, SREM = true }

local function forget_writes()
  removals, additions, by_command, dirty = {}, {}, {}, {}
  bytes_more, chosen_more = 0, 0
end

-- Notes values to be written; removals come first.
local function later(command, key, first, second)
  local by_key = by_command[command]
  if not by_key then
    by_key = {}
    by_command[command] = by_key
  end
  local values = by_key[key]
  if not values then
    values = {}
    by_key[key] = values
    local batch = REMOVES[command] and removals or additions
    batch[#batch + 1] = { command, key, values }
  end
  local count = #values
  values[count + 1] = first
  if second then values[count + 2] = second end
end

local function write_all(batch)
  for _, list in ipairs(batch) do
    local command, key, values = list[1], list[2], list[3]
    for from = 1, #values, PAGE do
      redis.call(command, key, unpack(values, from, math.min(from + PAGE - 1, #values)))
    end
  end
end

local function encode(job)
  local name, digest, queue, fence, settled = job[NAME], job[DIGEST], job[QUEUE], job[FENCE], job[SETTLED]
  local kept, older, token, result = job[KEPT], job[OLDER], job[TOKEN], job[RESULT]
  return struct.pack(FORMAT, VERSION, #name, name, job[CHOSEN], #digest, digest, job[RANK], #queue, queue, job[ACCEPTED],
    job[INTERVAL], job[DUE], job[PHASE], job[CLAIMS], job[ATTEMPTS], job[FAILURES], job[LOSSES], job[CANCEL], #fence, fence,
    job[ENDS], job[LANE], job[STARTED], #settled, settled, #kept, kept, job[EXPIRES], #result, #older, older, job[ERRORS],
    #token, token) .. result
end

local function write()
  for seq in pairs(dirty) do later('HSET', JOB, seq, encode(jobs[seq])) end
  write_all(removals)
  write_all(additions)
  if bytes_more ~= 0 then redis.call('HINCRBY', META, 'bytes', bytes_more) end
  if chosen_more ~= 0 then redis.call('HINCRBY', META, 'chosen', chosen_more) end
  forget_writes()
end

-- Records -----------------------------------------------------------------------------------------------------------

-- A job; false if there is none, or a newer poulpe wrote it: what `newer` has is to be left alone.
local function decode(seq, raw)
  if not raw then return false end
  if string.byte(raw) ~= VERSION then
    newer[seq] = true
    return false
  end
  local job = { struct.unpack(FORMAT, raw) }
  -- Behind the last field `struct` tells where it ends.
  job[RESULT] = job[LEN] == 0 and '' or string.sub(raw, job[RESULT])
  return job
end

local function load(seq)
  local job = jobs[seq]
  if job == nil then
    job = decode(seq, redis.call('HGET', JOB, seq))
    jobs[seq] = job
  end
  return job
end

-- The values of many fields, in their order.
local function read(key, fields)
  if #fields <= PAGE then return #fields > 0 and redis.call('HMGET', key, unpack(fields)) or fields end
  local values = {}
  for from = 1, #fields, PAGE do
    local page = redis.call('HMGET', key, unpack(fields, from, math.min(from + PAGE - 1, #fields)))
    for _, value in ipairs(page) do values[#values + 1] = value end
  end
  return values
end

local function load_all(seqs)
  local unknown = {}
  for _, seq in ipairs(seqs) do
    if jobs[seq] == nil then unknown[#unknown + 1] = seq end
  end
  for place, raw in ipairs(read(JOB, unknown)) do
    local seq = unknown[place]
    jobs[seq] = decode(seq, raw)
  end
end

local function save(seq, job)
  jobs[seq] = job
  dirty[seq] = true
end

-- Which job has an id: the living one, else the one that ended last and isn't forgotten. Cached.
local seq_of

local function look_up(ids)
  local unknown = {}
  for _, id in ipairs(ids) do
    if seq_of[id] == nil then
      seq_of[id] = false
      unknown[#unknown + 1] = id
    end
  end
  local found = {}
  for place, seq in ipairs(read(ID, unknown)) do
    seq_of[unknown[place]] = seq
    if seq then found[#found + 1] = seq end
  end
  load_all(found)
end

local function has_ended(job) return job[PHASE] == 'e' or job[PHASE] == 'd' end

-- The job that an id stands for, unless that has ended and its time is over.
local function known(id)
  if seq_of[id] == nil then look_up({ id }) end
  local seq = seq_of[id]
  local job = seq and load(seq)
  if not job or (has_ended(job) and job[EXPIRES] <= now_ms) then return nil end
  return seq, job
end

-- D delayed, R ready, L running, T retrying, X dead, E done.
local function state_of(job)
  local phase = job[PHASE]
  if phase == 'r' then return 'R' end
  if phase == 'l' then return 'L' end
  if phase == 'd' then return 'X' end
  if phase == 'e' then return 'E' end
  if job[DUE] <= now_ms then return 'R' end
  return job[ATTEMPTS] > 0 and 'T' or 'D'
end

local function holds(job, fence)
  return job and job[PHASE] == 'l' and job[FENCE] == fence and job[ENDS] > now
end
