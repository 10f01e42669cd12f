-- KEYS[1]: the counts. ARGV: number of the current minute and of the current day, now and life of
-- the counts in milliseconds; then for each rule: 0 for minutes or 1 for days, '1' if it slides,
-- how many requests. Counts a request if all rules allow it; answers the counts before it.
local LENGTH = {60000000, 86400000000}
local counts = redis.call('GET', KEYS[1])
counts = counts and {cmsgpack.unpack(counts)} or {0, 0, 0, 0, 0, 0}
local now = tonumber(ARGV[3])
for span = 0, 1 do
  local at, current = 3 * span + 1, tonumber(ARGV[span + 1])
  local passed = current - counts[at]
  if passed == 1 then
    counts[at], counts[at + 1], counts[at + 2] = current, 0, counts[at + 1]
  elseif passed > 1 then
    counts[at], counts[at + 1], counts[at + 2] = current, 0, 0
  elseif passed < -1 then
    -- A clock that goes back by a span or less begins no span twice.
    counts[at] = current
  end
end

-- Whether a * b > c * d, for a and c below 2^31 and b and d below 2^37: products in two parts.
local function exceeds(a, b, c, d)
  local function product(x, y)
    local low = (x % 65536) * y
    return math.floor(x / 65536) * y + math.floor(low / 65536), low % 65536
  end
  local ah, al = product(a, b)
  local ch, cl = product(c, d)
  return ah > ch or (ah == ch and al > cl)
end

local allowed = 1
for rule = 5, #ARGV, 3 do
  local span = tonumber(ARGV[rule])
  local at, length = 3 * span + 1, LENGTH[span + 1]
  local room = tonumber(ARGV[rule + 2]) - 1 - counts[at + 1]
  if room < 0 then
    allowed = 0
  elseif ARGV[rule + 1] == '1' then
    -- Rounded up, what is carried is at most `room` if before * inside <= room * length.
    local inside = length - math.max(0, math.min(length, now - counts[at] * length))
    if exceeds(counts[at + 2], inside, room, length) then allowed = 0 end
  end
end
local answer = {allowed, unpack(counts)}
if allowed == 1 and ARGV[5] then
  counts[2] = math.min(counts[2] + 1, 2147483647)
  counts[5] = math.min(counts[5] + 1, 2147483647)
  redis.call('SET', KEYS[1], cmsgpack.pack(unpack(counts)), 'PX', ARGV[4])
end
return answer
