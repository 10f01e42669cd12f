-- ARGV: epoch, 'lapse' or 'forget', now, how many at most.
local epoch = redis.call('HGET', KEYS[1], 'e')
if epoch ~= ARGV[1] then return moved(epoch) end
local answer = {'expired'}
if ARGV[2] == 'forget' then
  local ids = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])
  for place, id in ipairs(ids) do
    redis.call('HDEL', KEYS[1], 'r' .. id)
    redis.call('ZREM', KEYS[3], id)
    answer[place + 1] = id
  end
  return answer
end
local ids =
  redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[3], 'WITHSCORES', 'LIMIT', 0, ARGV[4])
for place = 1, #ids, 2 do
  local id, deadline = ids[place], tonumber(ids[place + 1])
  redis.call('ZREM', KEYS[2], id)
  local found = redis.call('HGET', KEYS[1], 'r' .. id)
  if found then
    local known = {cmsgpack.unpack(found)}
    free_hold(known)
    known[1] = 0
    redis.call('HSET', KEYS[1], 'r' .. id, cmsgpack.pack(unpack(known)))
    redis.call('ZADD', KEYS[3], string.format('%.0f', deadline + REMEMBERED), id)
    answer[#answer + 1] = {id, known[2], known[3], known[4], known[5]}
  else
    answer[#answer + 1] = {id, 0, 0, 0, 0}
  end
end
return answer
