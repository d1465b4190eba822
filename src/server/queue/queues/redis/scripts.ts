/**
 * Notes a job that waits, once those are left out of the count that have gone by themselves.
 * KEYS: line, waiters, turns, running, rate, request, job.
 */
export const OPEN = `
local id, owner, model, request, now, seconds, jobs = unpack(ARGV, 1, 7)
local most, mostOfOne, perMinute, priority, bytes, mostBytes = unpack(ARGV, 8, 13)
local waiters = redis.call('HGETALL', KEYS[2])
local count, own, taken = 0, 0, tonumber(bytes)
for i = 1, #waiters, 2 do
  if redis.call('EXISTS', jobs .. waiters[i]) == 0 then
    redis.call('HDEL', KEYS[2], waiters[i])
    redis.call('ZREM', KEYS[1], waiters[i])
  else
    local size, whose = string.match(waiters[i + 1], '^(%d+) (.*)$')
    count = count + 1
    taken = taken + tonumber(size)
    if whose == owner then own = own + 1 end
  end
end
for _, other in ipairs(redis.call('SMEMBERS', KEYS[4])) do
  if redis.call('EXISTS', jobs .. other) == 0 then redis.call('SREM', KEYS[4], other) end
end
if perMinute ~= '' then
  local asked = redis.call('INCR', KEYS[5])
  redis.call('EXPIRE', KEYS[5], 120)
  if asked > tonumber(perMinute) then return -3 end
end
if count >= tonumber(most) then return -1 end
if own >= tonumber(mostOfOne) then return -2 end
if taken > tonumber(mostBytes) then return -4 end
local turn = redis.call('INCR', KEYS[3]) - tonumber(priority) * 1099511627776
redis.call('ZADD', KEYS[1], turn, id)
redis.call('HSET', KEYS[2], id, bytes .. ' ' .. owner)
redis.call('HSET', KEYS[7], 'owner', owner, 'model', model, 'turn', turn, 'created', now, 'state', 'waiting', 'bytes', bytes)
redis.call('SET', KEYS[6], request, 'EX', seconds)
redis.call('EXPIRE', KEYS[7], seconds)
return redis.call('ZRANK', KEYS[1], id) + redis.call('SCARD', KEYS[4])`;

/**
 * Moves a job between those that wait and those that run, and numbers its event. What is refused has no effect.
 * KEYS: job, events, line, waiters, running, news.
 */
export const TELL = `
local id, holder, kind, state, event, now, extra, seconds = unpack(ARGV)
if redis.call('HEXISTS', KEYS[1], 'state') == 0 or redis.call('HEXISTS', KEYS[1], 'ended') == 1 then return 0 end
if holder ~= '' and redis.call('HGET', KEYS[1], 'holder') ~= holder then return 0 end
if state == 'waiting' then
  local turn, bytes, owner = unpack(redis.call('HMGET', KEYS[1], 'turn', 'bytes', 'owner'))
  redis.call('SREM', KEYS[5], id)
  redis.call('ZADD', KEYS[3], turn, id)
  redis.call('HSET', KEYS[4], id, bytes .. ' ' .. owner)
elseif state ~= '' then
  redis.call('ZREM', KEYS[3], id)
  redis.call('HDEL', KEYS[4], id)
  if state == 'running' then redis.call('SADD', KEYS[5], id) else redis.call('SREM', KEYS[5], id) end
end
if state ~= '' then
  redis.call('HSET', KEYS[1], 'state', state)
  if state == 'running' then redis.call('HSETNX', KEYS[1], 'started', now)
  elseif state ~= 'waiting' then redis.call('HSET', KEYS[1], 'ended', now) end
end
local number = redis.call('HINCRBY', KEYS[1], 'number', 1)
if kind == 'preview' then
  local before = redis.call('HGET', KEYS[1], 'preview')
  if before then redis.call('XDEL', KEYS[2], before) end
  redis.call('HSET', KEYS[1], 'preview', number .. '-0')
end
if kind == 'evaluation' then redis.call('HSET', KEYS[1], 'progress', extra) end
redis.call('XADD', KEYS[2], number .. '-0', 'event', event)
redis.call('EXPIRE', KEYS[1], seconds)
redis.call('EXPIRE', KEYS[2], seconds)
redis.call('PUBLISH', KEYS[6], id)
return 1`;

/**
 * Counts a job that has ended among those that are kept, and removes the oldest where they are too many bytes or too old.
 * KEYS: kept, kept bytes.
 */
export const KEEP = `
local id, now, bytes, mostBytes, oldestKept, job, events = unpack(ARGV)
if redis.call('EXISTS', job .. id) == 0 then return end
redis.call('ZADD', KEYS[1], now, id .. ' ' .. bytes)
redis.call('INCRBY', KEYS[2], bytes)
while true do
  local member, ended = unpack(redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES'))
  if not member then break end
  if tonumber(redis.call('GET', KEYS[2])) <= tonumber(mostBytes) and tonumber(ended) >= tonumber(oldestKept) then break end
  local oldest, size = string.match(member, '^(%S+) (%d+)$')
  redis.call('ZREM', KEYS[1], member)
  redis.call('DECRBY', KEYS[2], size)
  redis.call('DEL', job .. oldest, events .. oldest)
end
redis.call('HSET', job .. id, 'size', bytes)`;

/** Lets go of a job that has ended. KEYS: job, events, kept, kept bytes. */
export const FORGET = `
if redis.call('HEXISTS', KEYS[1], 'ended') == 0 then return 0 end
local size = redis.call('HGET', KEYS[1], 'size')
if size and redis.call('ZREM', KEYS[3], ARGV[1] .. ' ' .. size) == 1 then redis.call('DECRBY', KEYS[4], size) end
redis.call('DEL', KEYS[1], KEYS[2])
return 1`;
