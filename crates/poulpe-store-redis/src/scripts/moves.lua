-- The moves of a job from one order to another, its end, who is told; and what each call begins with.
-- Comes behind prelude.lua.

local function add_error(seq, job, text)
  local errors = {}
  if job[ERRORS] > 0 then errors = cmsgpack.unpack(redis.call('HGET', ERROR, seq)) end
  if #errors >= KEPT_ERRORS then table.remove(errors, KEPT_ERRORS / 2 + 1) end
  errors[#errors + 1] = text
  job[ERRORS] = #errors
  redis.call('HSET', ERROR, seq, cmsgpack.pack(errors))
end

-- Orders ------------------------------------------------------------------------------------------------------------

local is_work, frees_lane, finished, result_ttl
local filled_before, first_due
-- The keys of queues, by their names.
local ready_keys = {}

local function ready_key(queue)
  local key = ready_keys[queue]
  if not key then
    key = READY .. queue
    ready_keys[queue] = key
  end
  return key
end

-- "+MS" from now on, "=MS" on the clock. A wait counts from the end of this millisecond, so that it is never cut short.
local function resolve(sign, millis)
  if sign == '=' then return math.min(millis, MAX_DUE) end
  if millis == 0 then return now_ms end
  return math.min(math.ceil(now / 1000) + millis, MAX_DUE)
end

-- The numbers in a text of lanes, as a list and as a set. Remembered from call to call: reading them takes long.
local lane_sets, lane_sets_count = {}, 0

local function lanes_in(text)
  local lanes = lane_sets[text]
  if not lanes then
    if lane_sets_count == 1000 then lane_sets, lane_sets_count = {}, 0 end
    lanes = { list = {}, has = {} }
    for lane in string.gmatch(text, '%d+') do
      local number = tonumber(lane)
      if not lanes.has[number] then
        lanes.has[number] = true
        lanes.list[#lanes.list + 1] = number
      end
    end
    lane_sets[text], lane_sets_count = lanes, lane_sets_count + 1
  end
  return lanes
end

-- The queue of a job: its lanes, with a mark if it is to be handed out with care.
local function queue_of(job)
  if job[LOSSES] >= CAREFUL then return '!' .. job[QUEUE] end
  return job[QUEUE]
end

-- Rank first, then due time: 4 and 48 bits, which a double holds exactly.
local function order_of(job)
  local due = job[DUE]
  if due < 0 then due = 0 elseif due > 281474976710655 then due = 281474976710655 end
  return text_of(job[RANK] * 281474976710656 + due)
end

local function make_ready(seq, job)
  job[PHASE] = 'r'
  local queue = queue_of(job)
  later('ZADD', ready_key(queue), order_of(job), seq)
  if not filled_before[queue] then
    filled_before[queue] = true
    if redis.call('SADD', FILLED, queue) == 1 then is_work = true end
  end
end

-- When the first waiting job is due; nil if none waits.
local function first_waiting()
  local delayed = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')[2]
  local retrying = redis.call('ZRANGE', RETRYING, 0, 0, 'WITHSCORES')[2]
  if delayed and retrying then return math.min(tonumber(delayed), tonumber(retrying)) end
  return tonumber(delayed or retrying)
end

local function line_of(job) return job[ATTEMPTS] > 0 and RETRYING or DELAYED end

local function place(seq, job)
  if job[DUE] <= now_ms then return make_ready(seq, job) end
  job[PHASE] = 'w'
  if first_due == nil then first_due = first_waiting() or false end
  if not first_due or job[DUE] < first_due then
    first_due = job[DUE]
    is_work = true
  end
  later('ZADD', line_of(job), text_of(job[DUE]), seq)
end

local function take_out(seq, job)
  local phase = job[PHASE]
  if phase == 'w' then
    later('ZREM', line_of(job), seq)
  elseif phase == 'r' then
    local queue = queue_of(job)
    redis.call('ZREM', ready_key(queue), seq)
    if redis.call('EXISTS', ready_key(queue)) == 0 then redis.call('SREM', FILLED, queue) end
  elseif phase == 'l' then
    later('ZREM', LEASES, seq)
    if job[LANE] >= 0 and job[QUEUE] ~= '*' then
      later('HDEL', LANES, job[LANE])
      frees_lane = true
    end
    job[FENCE], job[LANE], job[STARTED] = '', -1, 0
  end
end

-- Ends ----------------------------------------------------------------------------------------------------------------

-- Ends a job that is in no order any more: 'e' done, 'd' dead. What its result tells of the future, by a clock that went
-- wrong, counts from now.
local function finish(seq, job, phase, result, finished_at)
  job[PHASE] = phase
  job[KEPT] = 'r'
  job[EXPIRES] = (finished_at < now_ms and finished_at or now_ms) + result_ttl
  job[LEN], job[RESULT] = #result, result
  later('ZADD', phase == 'e' and DONE or BURIED, text_of(job[EXPIRES]), seq)
  if phase == 'e' then
    later('HDEL', BODY, seq)
    if job[ERRORS] > 0 then later('HDEL', ERROR, seq) end
  else
    later('ZADD', DEAD, seq, seq)
    later('ZADD', OUTBOX, seq, seq)
    job[OLDER] = redis.call('HGET', DEAD_ID, job[NAME]) or ''
    redis.call('HSET', DEAD_ID, job[NAME], seq)
  end
  bytes_more = bytes_more + #result
  chosen_more = chosen_more + job[CHOSEN]
  finished[#finished + 1] = job[NAME]
  save(seq, job)
end

local function cancelled(job) return VERSION .. 'C' .. job[ATTEMPTS] .. ' ' .. string.format('%.0f', now_ms) end

-- Takes a job's result out of those that are kept; a dead letter's stays with it.
local function drop_result(seq, job)
  if job[KEPT] ~= 'r' then return end
  later('ZREM', job[PHASE] == 'e' and DONE or BURIED, seq)
  bytes_more = bytes_more - job[LEN]
  if job[PHASE] == 'e' then job[LEN], job[RESULT] = 0, '' end
end

-- The id of an ended job is free from now on. A dead letter itself stays.
local function forget(seq, job)
  drop_result(seq, job)
  if job[KEPT] == 'g' then later('ZREM', GUARDS, seq) end
  if job[KEPT] ~= '' then chosen_more = chosen_more - job[CHOSEN] end
  job[KEPT] = ''
  local id = job[NAME]
  if redis.call('HGET', ID, id) == seq then
    later('HDEL', ID, id)
    seq_of[id] = false
  end
  if job[PHASE] == 'd' then
    save(seq, job)
  else
    later('HDEL', JOB, seq)
    jobs[seq], dirty[seq] = false, nil
  end
end

-- Drops what is over the limits, oldest first, of the same millisecond by acceptance, at most so many. Writes.
local function evict(most)
  local max, max_bytes, id_max = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
  local meta = redis.call('HMGET', META, 'bytes', 'chosen')
  local bytes, chosen = tonumber(meta[1] or 0), tonumber(meta[2] or 0)
  local count = redis.call('ZCARD', DONE) + redis.call('ZCARD', BURIED)
  local left = most
  local function oldest(key, many) return redis.call('ZRANGE', key, 0, many - 1, 'WITHSCORES') end
  local function is_due(expires) return expires and tonumber(expires) <= now_ms end
  if count > max or bytes > max_bytes or is_due(oldest(DONE, 1)[2]) or is_due(oldest(BURIED, 1)[2]) then
    local done, buried = oldest(DONE, most), oldest(BURIED, most)
    local d, b = 1, 1
    while left > 0 do
      local seq, expires
      local dead_first = buried[b] and (not done[d] or tonumber(buried[b + 1]) < tonumber(done[d + 1])
        or (buried[b + 1] == done[d + 1] and buried[b] < done[d]))
      if dead_first then
        seq, expires, b = buried[b], tonumber(buried[b + 1]), b + 2
      elseif done[d] then
        seq, expires, d = done[d], tonumber(done[d + 1]), d + 2
      end
      local is_over = count > max or bytes > max_bytes
      if not seq or (expires > now_ms and not is_over) then break end
      local job = load(seq)
      count = count - 1
      if not newer[seq] then left = left - 1 end
      if job then bytes = bytes - job[LEN] end
      if not job then
        if not newer[seq] then
          later('ZREM', DONE, seq)
          later('ZREM', BURIED, seq)
        end
      elseif expires <= now_ms or job[CHOSEN] == 0 then
        chosen = chosen - job[CHOSEN]
        forget(seq, job)
      else
        drop_result(seq, job)
        job[KEPT] = 'g'
        later('ZADD', GUARDS, expires, seq)
        save(seq, job)
      end
    end
    write()
  end
  if chosen > id_max or is_due(oldest(GUARDS, 1)[2]) then
    local guards = oldest(GUARDS, most)
    for g = 1, #guards, 2 do
      local is_over = chosen > id_max
      if left == 0 or (tonumber(guards[g + 1]) > now_ms and not is_over) then break end
      local job = load(guards[g])
      chosen = chosen - 1
      if not newer[guards[g]] then left = left - 1 end
      if job then
        forget(guards[g], job)
      elseif not newer[guards[g]] then
        later('ZREM', GUARDS, guards[g])
      end
    end
    write()
  end
  return left == 0
end

-- Telling -------------------------------------------------------------------------------------------------------------

-- Tells every daemon what happened. After the last write.
local function tell()
  for from = 1, #finished, PAGE do
    redis.call('PUBLISH', ON_FINISHED, table.concat(finished, '\n', from, math.min(from + PAGE - 1, #finished)))
  end
  if is_work or (frees_lane and redis.call('SCARD', FILLED) > 0) then redis.call('PUBLISH', ON_WORK, '') end
end

-- Looking -------------------------------------------------------------------------------------------------------------

-- All that is known of a job: seq, state, id, body, claims, attempts, failures, losses, cancel, lane or -1, accepted, due,
-- result, errors. Texts are empty where there is nothing.
local function view(seq, job)
  local errors = {}
  if job[ERRORS] > 0 and job[PHASE] ~= 'e' then errors = cmsgpack.unpack(redis.call('HGET', ERROR, seq)) end
  local lane = job[QUEUE] ~= '*' and job[LANE] or -1
  local body = job[PHASE] ~= 'e' and redis.call('HGET', BODY, seq) or ''
  return {
    seq, state_of(job), job[NAME], body, job[CLAIMS], job[ATTEMPTS], job[FAILURES], job[LOSSES], job[CANCEL], lane,
    job[ACCEPTED], job[DUE], job[RESULT], errors,
  }
end

local function newest_dead(id)
  local seq = redis.call('HGET', DEAD_ID, id)
  return seq, seq and load(seq)
end

-- Takes a dead letter, the newest of its id, out of the dead.
local function take_dead(seq, job)
  later('ZREM', DEAD, seq)
  later('ZREM', OUTBOX, seq)
  if job[OLDER] ~= '' then
    later('HSET', DEAD_ID, job[NAME], job[OLDER])
  else
    later('HDEL', DEAD_ID, job[NAME])
  end
  job[OLDER] = ''
end

-- Moves what has fallen due to ready, at most so many, in order of due time; whether that was all. Writes.
local function move_due(most)
  local function due(line)
    return redis.call('ZRANGEBYSCORE', line, '-inf', now_ms, 'WITHSCORES', 'LIMIT', 0, most + 1)
  end
  local delayed, retrying = due(DELAYED), due(RETRYING)
  local moving, lines, d, r = {}, {}, 1, 1
  while #moving < most do
    local retry_first = retrying[r] and (not delayed[d] or tonumber(retrying[r + 1]) < tonumber(delayed[d + 1])
      or (retrying[r + 1] == delayed[d + 1] and retrying[r] < delayed[d]))
    if retry_first then
      moving[#moving + 1], lines[#lines + 1], r = retrying[r], RETRYING, r + 2
    elseif delayed[d] then
      moving[#moving + 1], lines[#lines + 1], d = delayed[d], DELAYED, d + 2
    else
      break
    end
  end
  load_all(moving)
  local moved = 0
  for n, seq in ipairs(moving) do
    local job = load(seq)
    if not newer[seq] then
      later('ZREM', lines[n], seq)
      moved = moved + 1
    end
    if job then
      make_ready(seq, job)
      save(seq, job)
    end
  end
  write()
  -- If a newer poulpe wrote all of these, asking again at once would be in vain.
  return (moved == 0 and #moving > 0) or (not delayed[d] and not retrying[r])
end

-- A call ------------------------------------------------------------------------------------------------------------------

local function begin(keys, args)
  ARGV = args
  if keys[1] ~= base then
    base = keys[1]
    name_keys(base)
    ready_keys = {}
  end
  now = read_clock(args[1])
  now_ms = math.floor(now / 1000)
  jobs, newer, seq_of = {}, {}, {}
  forget_writes()
  is_work, frees_lane, finished = false, false, {}
  filled_before, first_due = {}, nil
  result_ttl = tonumber(args[2])
end
