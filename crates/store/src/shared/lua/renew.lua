-- ARGV: epoch, id, end of the lease.
local found = redis.call('HMGET', KEYS[1], 'e', 'r' .. ARGV[2])
if found[1] ~= ARGV[1] then return moved(found[1]) end
if not found[2] or cmsgpack.unpack(found[2]) ~= 1 then return {'renewed', 0} end
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[2])
return {'renewed', 1}
