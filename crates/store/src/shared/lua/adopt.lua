-- ARGV: epoch, id, end of the lease, credits, byok, generation or '', names. Registers what is
-- known of a request in an epoch that does not know it; what it knows stays as it is.
local field = 'r' .. ARGV[2]
local found = redis.call('HMGET', KEYS[1], 'e', field)
if found[1] ~= ARGV[1] then return moved(found[1]) end
if found[2] then return {'done'} end
local ch, cl = amount(ARGV[4])
local bh, bl = amount(ARGV[5])
local known = {1, ch, cl, bh, bl}
for place = 7, #ARGV do known[place - 1] = ARGV[place] end
each_holder(known, function(figures) hold(figures, ch, cl, bh, bl) end)
redis.call('HSET', KEYS[1], field, cmsgpack.pack(unpack(known)))
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[2])
if ARGV[6] ~= '' then redis.call('HSET', KEYS[5], ARGV[2], ARGV[6]) end
return {'done'}
