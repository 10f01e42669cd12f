-- ARGV: the new epoch, token of the lock, its life in milliseconds. Empties everything.
if redis.call('GET', KEYS[4]) ~= ARGV[2] then return moved(redis.call('HGET', KEYS[1], 'e')) end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[5])
redis.call('HSET', KEYS[1], 'e', ARGV[1])
redis.call('PEXPIRE', KEYS[4], ARGV[3])
return {'done'}
