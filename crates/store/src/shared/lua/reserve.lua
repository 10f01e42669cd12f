-- ARGV: epoch, id, day, end of the lease, credits, byok, least credits, least byok, how many
-- spenders, their names; then for each limit: place of its spender, place of its window's figures,
-- '1' if BYOK counts, '1' if it is a balance, breadth, amount.
local id, today = ARGV[2], tonumber(ARGV[3])
local spenders = tonumber(ARGV[9])
local fields = {'e', 'r' .. id}
for place = 1, spenders do fields[place + 2] = 't' .. ARGV[9 + place] end
local found = redis.call('HMGET', KEYS[1], unpack(fields))
if found[1] ~= ARGV[1] then return moved(found[1]) end
if found[2] then
  local known = {cmsgpack.unpack(found[2])}
  if known[1] == 1 then return {'granted', known[2], known[3], known[4], known[5]} end
  redis.call('HDEL', KEYS[1], fields[2])
  redis.call('ZREM', KEYS[3], id)
end

local wanted_ch, wanted_cl = amount(ARGV[5])
local wanted_bh, wanted_bl = amount(ARGV[6])
local least_ch, least_cl = amount(ARGV[7])
local least_bh, least_bl = amount(ARGV[8])
local least_h, least_l = add(least_ch, least_cl, least_bh, least_bl)

local tallies, changed = {}, {}
local function rolled(place)
  local figures = tallies[place]
  if not figures then
    figures = tally(found[place + 2])
    tallies[place] = figures
    changed[place] = roll(figures, today)
  end
  return figures
end

-- The tightest room for credits, and for credits and BYOK together.
local room_h, room_l, shared_h, shared_l
local refused
local at, limit = 10 + spenders, 0
while ARGV[at] do
  local figures = rolled(tonumber(ARGV[at]))
  local with_byok, balance = ARGV[at + 2] == '1', ARGV[at + 3] == '1'
  local bound_h, bound_l = amount(ARGV[at + 5])
  local unused_h, unused_l =
    subtract(bound_h, bound_l, counted(figures, tonumber(ARGV[at + 1]), with_byok))
  local left_h, left_l = subtract(unused_h, unused_l, counted(figures, HELD, with_byok))
  local needed_h, needed_l = least_ch, least_cl
  if with_byok then needed_h, needed_l = least_h, least_l end
  local fits, fits_without_holds
  if needed_h == 0 and needed_l == 0 then
    -- Nothing fits always, but for an account in debt.
    fits = not balance or unused_h >= 0
    fits_without_holds = fits
  else
    fits = not less(left_h, left_l, needed_h, needed_l)
    fits_without_holds = not less(unused_h, unused_l, needed_h, needed_l)
  end
  if not fits then
    local breadth = tonumber(ARGV[at + 4])
    local for_good = fits_without_holds and 0 or 1
    -- Keeps the refusal that says most: for good before for now, then the broadest.
    if not refused or refused[3] < for_good or (refused[3] == for_good and refused[9] < breadth)
    then
      refused = {'refused', limit, for_good, figures[1], left_h, left_l, needed_h, needed_l, breadth}
    end
  end
  if with_byok then
    if not shared_h or less(left_h, left_l, shared_h, shared_l) then
      shared_h, shared_l = left_h, left_l
    end
  elseif not room_h or less(left_h, left_l, room_h, room_l) then
    room_h, room_l = left_h, left_l
  end
  at, limit = at + 6, limit + 1
end

local function write(all)
  local written = {}
  for place = 1, spenders do
    if tallies[place] and (all or changed[place]) then
      written[#written + 1] = fields[place + 2]
      written[#written + 1] = packed(tallies[place])
    end
  end
  return written
end

if refused then
  local written = write(false)
  if #written > 0 then redis.call('HSET', KEYS[1], unpack(written)) end
  return refused
end

-- At least `least`, at most `wanted`, between them what there is room for.
local function part(h, l, least_h, least_l, wanted_h, wanted_l)
  if not h or less(wanted_h, wanted_l, h, l) then return wanted_h, wanted_l end
  if less(h, l, least_h, least_l) then return least_h, least_l end
  return h, l
end
-- Credits leave room for the least of the other part, which gets what remains.
if shared_h then
  local h, l = subtract(shared_h, shared_l, least_bh, least_bl)
  if not room_h or less(h, l, room_h, room_l) then room_h, room_l = h, l end
end
local ch, cl = part(room_h, room_l, least_ch, least_cl, wanted_ch, wanted_cl)
if shared_h then shared_h, shared_l = subtract(shared_h, shared_l, ch, cl) end
local bh, bl = part(shared_h, shared_l, least_bh, least_bl, wanted_bh, wanted_bl)

local names = {}
for place = 1, spenders do
  hold(rolled(place), ch, cl, bh, bl)
  names[place] = ARGV[9 + place]
end
local written = write(true)
written[#written + 1] = fields[2]
written[#written + 1] = cmsgpack.pack(1, ch, cl, bh, bl, unpack(names))
redis.call('HSET', KEYS[1], unpack(written))
redis.call('ZADD', KEYS[2], ARGV[4], id)
return {'granted', ch, cl, bh, bl}
