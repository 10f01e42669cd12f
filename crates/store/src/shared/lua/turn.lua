-- ARGV: the epoch, token of the lock, its life in milliseconds or 0 to give it up, the epoch's
-- next state.
local epoch = redis.call('HGET', KEYS[1], 'e')
if epoch ~= ARGV[1] or redis.call('GET', KEYS[4]) ~= ARGV[2] then return moved(epoch) end
redis.call('HSET', KEYS[1], 'e', ARGV[4])
if ARGV[3] == '0' then
  redis.call('DEL', KEYS[4])
  redis.call('UNLINK', KEYS[5])
else
  redis.call('PEXPIRE', KEYS[4], ARGV[3])
end
return {'done'}
