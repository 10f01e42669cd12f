-- ARGV: epoch, ids. Answers for each whether it held anything.
local epoch = redis.call('HGET', KEYS[1], 'e')
if epoch ~= ARGV[1] then return moved(epoch) end
local answer = {'released'}
for place = 2, #ARGV do
  local id = ARGV[place]
  local found = redis.call('HGET', KEYS[1], 'r' .. id)
  local held = 0
  if found then
    local known = {cmsgpack.unpack(found)}
    if known[1] == 1 then
      held = 1
      free_hold(known)
    end
    redis.call('HDEL', KEYS[1], 'r' .. id)
    redis.call('ZREM', held == 1 and KEYS[2] or KEYS[3], id)
  end
  answer[place] = held
end
return answer
