-- What all scripts share: names, records, and how they are written. Comes behind the clock; behind it come, unless the verb
-- only looks at leases, moves.lua, and the script of the verb.
--
-- KEYS: the same 23 in every script, named by keys.rs; the last three are channels.
-- ARGV: 1 the time of tests, empty otherwise; 2 result_ttl in ms; 3 result_max; 4 result_bytes; 5 id_max; from 6 on what
-- the script's own head says.
--
-- A script reads first, then changes jobs in memory and notes what is to be written, then writes all of it, then tells.
local JOB, BODY, RESULT, ERROR, ID = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local DELAYED, RETRYING, READY, FILLED = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local LEASES, LANES = KEYS[10], KEYS[11]
local DONE, BURIED, GUARDS = KEYS[12], KEYS[13], KEYS[14]
local DEAD, DEAD_ID, OUTBOX = KEYS[15], KEYS[16], KEYS[17]
local CHECKPOINT, META, CLAIM = KEYS[18], KEYS[19], KEYS[20]
local ON_WORK, ON_FINISHED, ON_CANCEL = KEYS[21], KEYS[22], KEYS[23]

-- A job's record: an array in MessagePack.
local V, NAME, CHOSEN, DIGEST, RANK, QUEUE, ACCEPTED, INTERVAL = 1, 2, 3, 4, 5, 6, 7, 8
local DUE, PHASE, CLAIMS, ATTEMPTS, FAILURES, LOSSES, CANCEL = 9, 10, 11, 12, 13, 14, 15
local FENCE, ENDS, LANE, STARTED, SETTLED = 16, 17, 18, 19, 20
local KEPT, EXPIRES, LEN, OLDER, ERRORS, TOKEN = 21, 22, 23, 24, 25, 26

local VERSION = 1
-- From so many losses on a job is handed out for idle lanes only.
local CAREFUL = 2
-- How many errors a job keeps: the first ones and the latest.
local KEPT_ERRORS = 100
-- The highest due time: beyond it a number of Lua isn't exact.
local MAX_DUE = 9007199254740991
-- How many values go with one command: the stack of Lua is bounded.
local PAGE = 500

local now_ms = math.floor(now / 1000)

-- Writing -----------------------------------------------------------------------------------------------------------

local removals, additions, by_target = {}, {}, {}
local jobs, dirty = {}, {}
local bytes_more, chosen_more = 0, 0

local REMOVES = { ZREM = true, HDEL = true, SREM = true }

-- Notes values to be written; removals come first.
local function later(command, key, first, second)
  local target = command .. key
  local list = by_target[target]
  if not list then
    list = { command, key, {} }
    by_target[target] = list
    local batch = REMOVES[command] and removals or additions
    batch[#batch + 1] = list
  end
  local values = list[3]
  values[#values + 1] = first
  if second then values[#values + 1] = second end
end

local function write_all(batch)
  for _, list in ipairs(batch) do
    local command, key, values = list[1], list[2], list[3]
    for from = 1, #values, PAGE do
      redis.call(command, key, unpack(values, from, math.min(from + PAGE - 1, #values)))
    end
  end
end

local function write()
  for seq in pairs(dirty) do later('HSET', JOB, seq, cmsgpack.pack(jobs[seq])) end
  write_all(removals)
  write_all(additions)
  if bytes_more ~= 0 then redis.call('HINCRBY', META, 'bytes', bytes_more) end
  if chosen_more ~= 0 then redis.call('HINCRBY', META, 'chosen', chosen_more) end
  removals, additions, by_target, dirty = {}, {}, {}, {}
  bytes_more, chosen_more = 0, 0
end

-- Records -----------------------------------------------------------------------------------------------------------

local function decode(raw)
  if not raw then return false end
  local job = cmsgpack.unpack(raw)
  if job[V] > VERSION then error({ err = 'NEWER a newer poulpe wrote this record; upgrade this one' }) end
  return job
end

local function load(seq)
  local job = jobs[seq]
  if job == nil then
    job = decode(redis.call('HGET', JOB, seq))
    jobs[seq] = job
  end
  return job
end

-- The values of many fields, in their order.
local function read(key, fields)
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
  for place, raw in ipairs(read(JOB, unknown)) do jobs[unknown[place]] = decode(raw) end
end

local function save(seq, job)
  jobs[seq] = job
  dirty[seq] = true
end

-- Which job has an id: the living one, else the one that ended last and isn't forgotten. Cached.
local seq_of = {}

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
  look_up({ id })
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
