-- What every script begins with.
--
-- Numbers of Lua are doubles, exact only up to 2^53. An amount is two of them: high * 10^14 + low,
-- with 0 <= low < 10^14 and high any integer, so that sums of a hundred thousand million 64-bit
-- amounts are exact and comparing is comparing high, then low.
--
-- KEYS: state, leases, lapsed, lock, asked. ARGV[1]: the epoch the caller lives in.
-- Fields of the state: 'e' the epoch, 't'..name a spender's figures, 'r'..id a reservation.

local BASE = 1e14
-- The day of the earliest moment there is.
local FIRST_DAY = -106751992
-- A day in microseconds: how long what lapsed can still be settled.
local REMEMBERED = 86400000000

local function subtract(ah, al, bh, bl)
  local low = al - bl
  if low < 0 then return ah - bh - 1, low + BASE end
  return ah - bh, low
end

local function add(ah, al, bh, bl)
  local low = al + bl
  if low >= BASE then return ah + bh + 1, low - BASE end
  return ah + bh, low
end

local function less(ah, al, bh, bl)
  return ah < bh or (ah == bh and al < bl)
end

local function amount(text)
  local negative = string.byte(text) == 45
  if negative then text = string.sub(text, 2) end
  local high, low = 0, nil
  local length = #text
  if length <= 14 then
    low = tonumber(text)
  else
    high, low = tonumber(string.sub(text, 1, length - 14)), tonumber(string.sub(text, -14))
  end
  if negative then return subtract(0, 0, high, low) end
  return high, low
end

-- The figures of a spender: the latest day seen; used in the day, week, month and ever, each as
-- credits and BYOK, from place 2 on; held credits and BYOK from place 18 on. If the clock ever went
-- ahead by more than a day, there follow the day it was and what was used then, as in places 2 to 17.
local HELD = 18
local BEFORE = 22

local function tally(packed)
  if packed then return {cmsgpack.unpack(packed)} end
  return {FIRST_DAY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
end

local function packed(figures)
  return cmsgpack.pack(unpack(figures))
end

-- The first day of the month: the arithmetic of the ledger's windows.
local function month(day)
  local of_era = (day + 719468) % 146097
  local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524)
    - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local months = math.floor((5 * of_year + 2) / 153)
  return day - (of_year - math.floor((153 * months + 2) / 5))
end

local function week(day)
  return day - (day + 3) % 7
end

local function zero(figures, from)
  for place = from, from + 3 do figures[place] = 0 end
end

local function forget_before(figures)
  for place = #figures, BEFORE, -1 do figures[place] = nil end
end

-- Keeps what was used, unless it is nothing.
local function remember_before(figures)
  forget_before(figures)
  local any = false
  for place = 2, 17 do any = any or figures[place] ~= 0 end
  if not any then return end
  figures[BEFORE] = figures[1]
  for place = 2, 17 do figures[BEFORE + place - 1] = figures[place] end
end

-- Adds what was used before in the window from that place on.
local function give_back(figures, from)
  for place = from, from + 2, 2 do
    local left = BEFORE + place - 1
    figures[place], figures[place + 1] =
      add(figures[place], figures[place + 1], figures[left], figures[left + 1])
  end
end

-- Follows a clock that was ahead: a period that was left then goes on.
local function go_back(figures, today)
  local day, before = figures[1], figures[BEFORE]
  if before then
    if before == today and before ~= day then give_back(figures, 2) end
    if week(before) == week(today) and week(before) ~= week(day) then give_back(figures, 6) end
    if month(before) == month(today) and month(before) ~= month(day) then
      give_back(figures, 10)
    end
    forget_before(figures)
  end
  figures[1] = today
end

-- Begins new periods, if `today` is in one; says whether anything changed.
local function roll(figures, today)
  local day = figures[1]
  if today == day then return false end
  if today < day then
    -- A clock that flaps around midnight must not begin the same period twice.
    if day - today <= 1 then return false end
    go_back(figures, today)
    return true
  end
  if today - day > 1 then remember_before(figures) end
  zero(figures, 2)
  if week(today) ~= week(day) then zero(figures, 6) end
  if month(today) ~= month(day) then zero(figures, 10) end
  figures[1] = today
  return true
end

local function hold(figures, ch, cl, bh, bl)
  figures[18], figures[19] = add(figures[18], figures[19], ch, cl)
  figures[20], figures[21] = add(figures[20], figures[21], bh, bl)
end

local function free(figures, ch, cl, bh, bl)
  figures[18], figures[19] = subtract(figures[18], figures[19], ch, cl)
  figures[20], figures[21] = subtract(figures[20], figures[21], bh, bl)
end

-- Credits at a place of the figures, with BYOK or without.
local function counted(figures, place, with_byok)
  if with_byok then
    return add(figures[place], figures[place + 1], figures[place + 2], figures[place + 3])
  end
  return figures[place], figures[place + 1]
end

-- A reservation: 1 while it holds, its credits and BYOK, and from place 6 on who holds it.
local WHO = 6

local function holders(reservation)
  local fields = {}
  for place = WHO, #reservation do fields[place - WHO + 1] = 't' .. reservation[place] end
  return fields
end

-- Changes the figures of all who hold a reservation.
local function each_holder(reservation, change)
  local fields = holders(reservation)
  if #fields == 0 then return end
  local found = redis.call('HMGET', KEYS[1], unpack(fields))
  local written = {}
  for place, field in ipairs(fields) do
    local figures = tally(found[place])
    change(figures)
    written[2 * place - 1], written[2 * place] = field, packed(figures)
  end
  redis.call('HSET', KEYS[1], unpack(written))
end

local function free_hold(reservation)
  each_holder(reservation, function(figures)
    free(figures, reservation[2], reservation[3], reservation[4], reservation[5])
  end)
end

-- The answer to who lives in another epoch.
local function moved(epoch)
  return {'moved', epoch or ''}
end
