-- ARGV: epoch, day, 'add' or 'set'; then for each spender its name and eight amounts: credits and
-- BYOK of the day, the week, the month and ever.
local epoch = redis.call('HGET', KEYS[1], 'e')
if epoch ~= ARGV[1] then return moved(epoch) end
local today = tonumber(ARGV[2])
for at = 4, #ARGV, 9 do
  local field = 't' .. ARGV[at]
  local figures = tally(redis.call('HGET', KEYS[1], field))
  roll(figures, today)
  if ARGV[3] == 'set' then
    figures[1] = today
    for place = 2, 17 do figures[place] = 0 end
    forget_before(figures)
  end
  for part = 1, 8 do
    local place, h, l = 2 * part, amount(ARGV[at + part])
    figures[place], figures[place + 1] = add(figures[place], figures[place + 1], h, l)
  end
  redis.call('HSET', KEYS[1], field, packed(figures))
end
return {'done'}
