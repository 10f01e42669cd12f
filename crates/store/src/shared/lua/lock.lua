-- ARGV: the epoch as it was seen or '', token, life of the lock in milliseconds or 0 to give it
-- up. Takes the lock if nobody has it and the epoch is still that one; or keeps it.
local holder = redis.call('GET', KEYS[4])
if ARGV[3] == '0' then
  if holder == ARGV[2] then redis.call('DEL', KEYS[4]) end
  return {'done'}
end
local epoch = redis.call('HGET', KEYS[1], 'e')
if (epoch or '') ~= ARGV[1] then return moved(epoch) end
if holder and holder ~= ARGV[2] then return moved(epoch) end
redis.call('SET', KEYS[4], ARGV[2], 'PX', ARGV[3])
return {'done'}
