-- Hands out due jobs under leases. First deals with leases that have ended and moves what is due to ready.
--
-- KEYS: see prelude.lua.
-- ARGV from 6: incarnation; request; lease in microseconds; a random number that the nonces begin with; how many jobs may
-- be handed out ahead; idle lanes, separated by commas; "1" if the starts of jobs that were never handed out before are to be
-- marked, so that nobody has to ask.
-- Returns: the jobs, for each its id; claims, attempts, failures, losses, cancel, accepted, due, lane or -1, the number of the
-- attempt if its start is marked or 0, as `struct` packs them, and the nonce; its body; its errors or ''; the lanes that confined jobs wait for, separated by commas; 1 if a job waits for any idle lane, else 0; 1 if more
-- may be ready, else 0; microseconds until something is due, or -1.
-- Repeated: the same request of an incarnation gives the same jobs as far as their leases are valid and unstarted.
local incarnation, request, lease, seed = ARGV[6], ARGV[7], tonumber(ARGV[8]), ARGV[9]
-- A script must not hold up everybody else: who wants more asks again.
local MOST = 1000
local MAX_LOSSES = 5

-- losses x interval, more or less by half; the same wherever it is computed.
local function due_after_loss(job)
  if job[LOSSES] < CAREFUL then return now_ms end
  local spread = tonumber(string.sub(redis.sha1hex(job[NAME] .. job[LOSSES]), 1, 8), 16) / 4294967295
  return math.ceil(now / 1000) + math.ceil(job[INTERVAL] * job[LOSSES] * (0.5 + spread))
end

local ended = redis.call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, MOST)
if #ended > 0 then
  load_all(ended)
  for _, seq in ipairs(ended) do
    local job = load(seq)
    if job then
      local started = math.abs(job[STARTED])
      take_out(seq, job)
      if job[CANCEL] == 1 then
        finish(seq, job, 'e', cancelled(job), now_ms)
      elseif started == 0 then
        -- It was due, and mustn't wait again because the clock was set back.
        make_ready(seq, job)
      else
        job[LOSSES] = job[LOSSES] + 1
        local at = string.format('%.0f', now_ms)
        add_error(seq, job, VERSION .. 'L' .. started .. ' ' .. at)
        if job[LOSSES] >= MAX_LOSSES then
          finish(seq, job, 'd', VERSION .. 'P' .. started .. ' ' .. job[LOSSES] .. ' ' .. at, now_ms)
        else
          job[DUE] = due_after_loss(job)
          place(seq, job)
        end
      end
      save(seq, job)
    elseif not newer[seq] then
      later('ZREM', LEASES, seq)
    end
  end
  write()
  if #finished > 0 then evict(#finished * 2 + 16) end
end
local has_more_ended = #ended == MOST

local idle = {}
for lane in string.gmatch(ARGV[11], '%d+') do idle[#idle + 1] = tonumber(lane) end
local prefetch = tonumber(ARGV[10])
local marks_starts = ARGV[12] == '1'
local max = math.min(#idle + prefetch, MOST)

local last = redis.call('GET', CLAIM .. incarnation)
last = last and cmsgpack.unpack(last)
local is_repeat = last and last[2] == request

local function nonce_of(job) return string.match(job[FENCE], '^%d+:%d+:(%d+)$') end

local handed = {}
if is_repeat then
  load_all(last[3])
  for _, seq in ipairs(last[3]) do
    local job = load(seq)
    local is_ours = job and job[PHASE] == 'l' and job[ENDS] > now and job[STARTED] <= 0
      and string.match(job[FENCE], ':(%d+):') == incarnation
    if is_ours then handed[#handed + 1] = seq end
  end
end
local to_move = is_repeat and 0 or 2 * max
local moved_all = move_due(to_move)

-- Filled queues --------------------------------------------------------------------------------------------------------

-- How many queues of confined jobs wait for a lane.
local wants = {}
local queues, confined = {}, false
for _, name in ipairs(redis.call('SMEMBERS', FILLED)) do
  local lanes = string.match(name, '^!?(.*)$')
  local queue = {
    key = ready_key(name), name = name, any = lanes == '*', careful = string.sub(name, 1, 1) == '!', taken = 0, list = {}, at = 1,
  }
  if not queue.any then
    confined = true
    queue.lanes = lanes_in(lanes)
    for _, lane in ipairs(queue.lanes.list) do wants[lane] = (wants[lane] or 0) + 1 end
  end
  queues[#queues + 1] = queue
end
local leased = {}
if confined then
  for _, lane in ipairs(redis.call('HKEYS', LANES)) do leased[tonumber(lane)] = true end
end

local function is_empty(queue)
  queue.empty = true
  if queue.any then return end
  for _, lane in ipairs(queue.lanes.list) do wants[lane] = wants[lane] - 1 end
end

-- The first job of a queue that isn't taken yet; pages through it.
local function head(queue)
  if not queue.list[queue.at] then
    queue.list = redis.call('ZRANGE', queue.key, queue.taken, queue.taken + math.min(max, 100) - 1, 'WITHSCORES')
    queue.at = 1
  end
  return queue.list[queue.at], tonumber(queue.list[queue.at + 1])
end

local function may_have(queue, lane) return queue.any or (queue.lanes.has[lane] and not leased[lane]) end

local function fits(queue)
  if queue.any and not queue.careful then return #idle > 0 or prefetch > 0 end
  for _, lane in ipairs(idle) do
    if may_have(queue, lane) then return true end
  end
  return false
end

-- The place in `idle` of the lane that the fewest queues of confined jobs wait for.
local function least_wanted(queue)
  local best, fewest
  for n, lane in ipairs(idle) do
    if may_have(queue, lane) then
      local wanted = wants[lane] or 0
      if wanted == 0 then return n end
      if not best or wanted < fewest then best, fewest = n, wanted end
    end
  end
  return best
end

local given_to = {}
if not is_repeat and max > 0 then
  -- Mostly all that is ready may run anywhere.
  local only = #queues == 1 and queues[1].any and not queues[1].careful and queues[1]
  if only then
    local first = redis.call('ZRANGE', only.key, 0, max)
    for n = 1, math.min(max, #first) do
      handed[n] = first[n]
      given_to[first[n]] = { lane = idle[n] or -1, queue = only }
    end
    only.empty = #first <= max
  end
  -- Lanes become fewer only: what doesn't fit now isn't looked at again.
  local open = queues
  while not only and #handed < max do
    local best, best_seq, best_order
    local fitting = {}
    for _, queue in ipairs(open) do
      if not queue.empty and fits(queue) then
        fitting[#fitting + 1] = queue
        local seq, order = head(queue)
        -- Listed, but there is nothing: somebody has removed the key.
        if not seq then is_empty(queue) end
        if seq and (not best or order < best_order or (order == best_order and seq < best_seq)) then
          best, best_seq, best_order = queue, seq, order
        end
      end
    end
    open = fitting
    if not best then break end
    best.at, best.taken = best.at + 2, best.taken + 1
    if not head(best) then is_empty(best) end
    local n = least_wanted(best)
    if n then
      best.lane = table.remove(idle, n)
    else
      best.lane = nil
      prefetch = prefetch - 1
    end
    handed[#handed + 1] = best_seq
    given_to[best_seq] = { lane = best.lane or -1, queue = best }
    if best.lane and not best.any then leased[best.lane] = true end
  end
  load_all(handed)
  local really = {}
  local fence = ':' .. incarnation .. ':' .. seed
  for n, seq in ipairs(handed) do
    local job, given = load(seq), given_to[seq]
    if newer[seq] then
      -- For whoever can read it, behind all others, so that it keeps nobody waiting.
      later('ZADD', given.queue.key, '9007199254740991', seq)
      given.queue.is_kept = true
    else
      later('ZREM', given.queue.key, seq)
    end
    if job then
      job[PHASE], job[CLAIMS], job[STARTED] = 'l', job[CLAIMS] + 1, 0
      if marks_starts and job[CLAIMS] == 1 then
        job[ATTEMPTS] = job[ATTEMPTS] + 1
        job[STARTED] = -job[ATTEMPTS]
      end
      job[FENCE] = job[CLAIMS] .. fence .. DIGITS[n - 1]
      job[ENDS], job[LANE] = now + lease, given.lane
      later('ZADD', LEASES, text_of(job[ENDS]), seq)
      if given.lane >= 0 and job[QUEUE] ~= '*' then later('HSET', LANES, given.lane, seq) end
      save(seq, job)
      really[#really + 1] = seq
    end
  end
  handed = really
  write()
  for _, queue in ipairs(queues) do
    if queue.empty and not queue.is_kept then redis.call('SREM', FILLED, queue.name) end
  end
  -- Kept far longer than any repeat comes after its claim.
  redis.call('SET', CLAIM .. incarnation, cmsgpack.pack({ VERSION, request, handed }), 'PX', math.ceil(lease / 1000) + 600000)
end

-- Answer ---------------------------------------------------------------------------------------------------------------

local bodies = read(BODY, handed)
local answer = {}
for n, seq in ipairs(handed) do
  local job = load(seq)
  local marked = job[STARTED] < 0 and -job[STARTED] or 0
  local at = #answer
  answer[at + 1] = job[NAME]
  answer[at + 2] = struct.pack('>I4I4I4I4BddiI4', job[CLAIMS], marked > 0 and marked - 1 or job[ATTEMPTS], job[FAILURES],
    job[LOSSES], job[CANCEL], job[ACCEPTED], job[DUE], job[LANE], marked) .. nonce_of(job)
  answer[at + 3] = bodies[n] or ''
  answer[at + 4] = job[ERRORS] > 0 and cmsgpack.unpack(redis.call('HGET', ERROR, seq)) or ''
end
local wanted, wants_any, has_ahead, seen = {}, 0, false, {}
for _, queue in ipairs(queues) do
  if not queue.empty then
    if not queue.any then
      for _, lane in ipairs(queue.lanes.list) do
        if not seen[lane] then
          seen[lane] = true
          wanted[#wanted + 1] = lane
        end
      end
    elseif queue.careful then
      wants_any = 1
    else
      has_ahead = true
    end
  end
end
table.sort(wanted)
local next_due
local function consider(wait)
  if not next_due or wait < next_due then next_due = wait end
end
for _, line in ipairs({ DELAYED, RETRYING }) do
  -- What is overdue waits for room, not for time.
  local due = redis.call('ZRANGEBYSCORE', line, '(' .. string.format('%.0f', now_ms), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  if due then consider(tonumber(due) * 1000 - now) end
end
local ends = redis.call('ZRANGEBYSCORE', LEASES, '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
if ends then consider(tonumber(ends) - now) end
-- Others are told of what this claim left only.
is_work = is_work and (has_ahead or wants_any == 1 or #wanted > 0)
tell()
local more = (not moved_all or has_more_ended or has_ahead) and 1 or 0
-- Never zero, so that nobody spins on it.
return { answer, table.concat(wanted, ','), wants_any, more, next_due and math.max(next_due, 1000) or -1 }
