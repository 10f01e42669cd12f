-- ARGV: epoch, cursor. A page of requests whose rows may be in the books already.
local epoch = redis.call('HGET', KEYS[1], 'e')
if epoch ~= ARGV[1] then return moved(epoch) end
local page = redis.call('HSCAN', KEYS[5], ARGV[2], 'COUNT', 1000)
return {'page', page[1], unpack(page[2])}
