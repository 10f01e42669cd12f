-- ARGV: epoch, day, names. Answers the figures of each as they are on that day.
local epoch = redis.call('HGET', KEYS[1], 'e')
if epoch ~= ARGV[1] then return moved(epoch) end
local answer = {'figures', redis.call('ZCARD', KEYS[2])}
for place = 3, #ARGV do
  local figures = tally(redis.call('HGET', KEYS[1], 't' .. ARGV[place]))
  roll(figures, tonumber(ARGV[2]))
  answer[place] = figures
end
return answer
