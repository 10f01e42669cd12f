-- ARGV: epoch, id, day, credits, byok.
local field = 'r' .. ARGV[2]
local found = redis.call('HMGET', KEYS[1], 'e', field)
if found[1] ~= ARGV[1] then return moved(found[1]) end
if not found[2] then return {'none'} end
local known, today = {cmsgpack.unpack(found[2])}, tonumber(ARGV[3])
local held = known[1] == 1
local ch, cl = amount(ARGV[4])
local bh, bl = amount(ARGV[5])
each_holder(known, function(figures)
  if held then free(figures, known[2], known[3], known[4], known[5]) end
  roll(figures, today)
  for place = 2, 14, 4 do
    figures[place], figures[place + 1] = add(figures[place], figures[place + 1], ch, cl)
    figures[place + 2], figures[place + 3] = add(figures[place + 2], figures[place + 3], bh, bl)
  end
end)
redis.call('HDEL', KEYS[1], field)
redis.call('ZREM', held and KEYS[2] or KEYS[3], ARGV[2])
if held then return {'counted', known[2], known[3], known[4], known[5]} end
return {'late'}
