-- Stores full pages of one user and adds their items to the set of what was ever taken. Done again it changes nothing.
-- KEYS: the pages. ARGV: birth of the history (8 bytes), ttl in ms (0 = none), number of the first step of the pages, of
-- the first one behind them, below which steps need not be kept, pages (each: number and size, 4 bytes each, and bytes),
-- the items (8 bytes each, ascending, none twice), most items of the set. Returns how many steps were dropped.
--
-- Fields: m (birth, number of the first step that there is, of the first one behind the pages, since which the set has
-- all items; 8 bytes each), s (the set, as above), and a page under its number.
local key, birth, from, upto, below = KEYS[1], ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local call, sub, PAGE = redis.call, string.sub, 256

local function number_at(bytes, at)
  local low, high = struct.unpack('<I4I4', bytes, at)
  return high * 4294967296 + low
end
local function bytes_of(number)
  return struct.pack('<I4I4', number % 4294967296, math.floor(number / 4294967296))
end

local meta, first, ends, since, set = call('HGET', key, 'm'), from, from, from, ''
if meta and (#meta ~= 32 or sub(meta, 1, 8) ~= birth) then -- of a history that is gone
  call('DEL', key)
  meta = false
end
if meta then
  first, ends, since = number_at(meta, 9), number_at(meta, 17), number_at(meta, 25)
  if call('HSTRLEN', key, 's') <= 8 * tonumber(ARGV[8]) then set = call('HGET', key, 's') or '' end
end

local fields, at = {}, 1
while at <= #ARGV[6] do
  local number, size = struct.unpack('<I4I4', ARGV[6], at)
  fields[#fields + 1] = string.format('%d', number)
  fields[#fields + 1] = sub(ARGV[6], at + 8, at + 7 + size)
  at = at + 8 + size
end

-- Where an item of the set is that is not below this one: its place is looked for from `low` on.
local function find(low, item_low, item_high)
  local high = #set / 8
  while low < high do
    local middle = math.floor((low + high) / 2)
    local there_low, there_high = struct.unpack('<I4I4', set, 8 * middle + 1)
    if there_high < item_high or (there_high == item_high and there_low < item_low) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

if upto > ends or not meta then
  if ends < from then set, since = '', from end -- pages between are gone
  if set == '' then
    set = ARGV[7]
  else
    local parts, done, place = {}, 0, 0
    for i = 1, #ARGV[7], 8 do
      local item = sub(ARGV[7], i, i + 7)
      place = find(place, struct.unpack('<I4I4', item))
      if sub(set, 8 * place + 1, 8 * place + 8) ~= item then
        parts[#parts + 1] = sub(set, 8 * done + 1, 8 * place)
        parts[#parts + 1] = item
        done = place
      end
    end
    parts[#parts + 1] = sub(set, 8 * done + 1)
    set = table.concat(parts)
  end
  if #set > 8 * tonumber(ARGV[8]) then set, since = ARGV[7], from end
  ends = upto
end

local dropped = math.max(0, math.floor(below / PAGE) * PAGE - first)
dropped = math.min(dropped, ends - first)
for page = math.floor(first / PAGE), math.floor((first + dropped) / PAGE) - 1 do
  call('HDEL', key, string.format('%d', page))
end
fields[#fields + 1] = 's'
fields[#fields + 1] = set
fields[#fields + 1] = 'm'
fields[#fields + 1] = birth .. bytes_of(first + dropped) .. bytes_of(ends) .. bytes_of(since)
for i = 1, #fields, 200 do call('HSET', key, unpack(fields, i, math.min(i + 199, #fields))) end
if ARGV[2] ~= '0' then call('PEXPIRE', key, ARGV[2]) end
return dropped
