-- Stores full pages of one user and adds their items to what was ever taken. Done again it changes nothing.
-- KEYS: the pages. ARGV: birth of the history (8 bytes), ttl in ms (0 = none), number of the first step of the pages, of
-- the first one behind them, below which steps need not be kept, pages (each: number and size, 4 bytes each, and bytes),
-- the items (8 bytes each, ascending, none twice), most different items ever taken. Returns how many steps were dropped;
-- behind that a second number where something was damaged and begins anew: 1 = what was ever taken, 2 = the history, of
-- which pages, or what says which they are, are gone.
--
-- Fields: a page under its number; s and r, the items of pages, each ascending and none twice; m, numbers of 8 bytes:
-- birth, number of the first step that there is, of the first one behind the pages, since which all items are known, up
-- to which s has them: those of the steps from there on are in r. To write a long s anew with every page would cost more
-- than the page; r is written with every page and becomes part of s when it has an eighth of its items or AT_ONCE, which
-- bounds how long others wait. Programs that know records of version 2 alone write m without the last number, and no r.
local key, birth, from, upto, below = KEYS[1], ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local most = 8 * tonumber(ARGV[8])
local call, sub, PAGE, AT_ONCE = redis.call, string.sub, 256, 2048

local function number_at(bytes, at)
  local low, high = struct.unpack('<I4I4', bytes, at)
  return high * 4294967296 + low
end

local has_older -- the record had pages before these
-- Of a history that is gone, or of who was forgotten meanwhile, nothing is kept. The record is in the same slot; while
-- that is moved it may be elsewhere, and the command has to wait.
do
  local record = string.sub(key, 1, -7)
  local size = redis.pcall('HSTRLEN', record, 'h')
  -- One key that is missing where the slot is moved to is taken for none; of two Redis says that they are not together.
  if size == 0 then size = redis.pcall('EXISTS', key, record) end
  if type(size) == 'table' then return redis.error_reply('TRYAGAIN the slot is being moved') end
  local there = size <= 65536 and redis.pcall('HGET', record, 'h')
  if not there or string.byte(there, 3) ~= 3 or string.sub(there, -24, -17) ~= birth then return 0 end
  has_older = number_at(there, #there - 7) < from
end

local function bytes_of(number)
  return struct.pack('<I4I4', number % 4294967296, math.floor(number / 4294967296))
end

local meta = call('HSTRLEN', key, 'm') <= 40 and call('HGET', key, 'm') or ''
local first, ends, since, sorted
local is_ours = (#meta == 32 or #meta == 40) and sub(meta, 1, 8) == birth
if is_ours then
  first, ends, since = number_at(meta, 9), number_at(meta, 17), number_at(meta, 25)
  sorted = #meta == 40 and number_at(meta, 33) or ends
  is_ours = first <= ends and since <= sorted and sorted <= ends and ends < 1099511627776
end
if not is_ours then -- there are none yet, or it is damaged, or of a history that is gone
  local size = call('HLEN', key)
  local names = size > 0 and size <= 4096 and call('HKEYS', key) or {}
  if size > 4096 then call('DEL', key) end
  -- The key stays: one that goes and comes again is refused where the slot is being moved.
  if #names > 0 then call('HSET', key, 'm', '') end
  for _, name in ipairs(names) do
    if name ~= 'm' then call('HDEL', key, name) end
  end
  first, ends, since, sorted = from, from, from, from
end
local is_lost = has_older and (not is_ours or ends < from)

local fields, at = {}, 1
while at <= #ARGV[6] do
  local number, size = struct.unpack('<I4I4', ARGV[6], at)
  fields[#fields + 1] = string.format('%d', number)
  fields[#fields + 1] = sub(ARGV[6], at + 8, at + 7 + size)
  at = at + 8 + size
end

-- Where an item of the set is that is not below this one. Looked for from `low` on, in steps that double and then in
-- halves: many items pass over a long set in little more than one look each.
local function find(set, low, item_low, item_high)
  local high, ahead, all = nil, 1, #set / 8
  while low < (high or all) do
    local middle = high and math.floor((low + high) / 2) or math.min(low + ahead, all) - 1
    local there_low, there_high = struct.unpack('<I4I4', set, 8 * middle + 1)
    if there_high < item_high or (there_high == item_high and there_low < item_low) then
      low, ahead = middle + 1, 2 * ahead
    else
      high = middle
    end
  end
  return low
end

-- Whether these may be a set. 16,384 items are looked at, which takes a server 1 ms, and who reads looks at all.
local function ascends(set)
  local before_low, before_high = -1, -1
  for i = 1, #set, 8 * math.max(1, math.ceil(#set / 131072)) do
    local low, high = struct.unpack('<I4I4', set, i)
    if high < before_high or (high == before_high and low <= before_low) then return false end
    before_low, before_high = low, high
  end
  return true
end

local function merge(set, items)
  if set == '' then return items end
  local parts, done, place = {}, 0, 0
  for i = 1, #items, 8 do
    local item = sub(items, i, i + 7)
    place = find(set, place, struct.unpack('<I4I4', item))
    if sub(set, 8 * place + 1, 8 * place + 8) ~= item then
      parts[#parts + 1] = sub(set, 8 * done + 1, 8 * place)
      parts[#parts + 1] = item
      done = place
    end
  end
  parts[#parts + 1] = sub(set, 8 * done + 1)
  return table.concat(parts)
end

local is_damaged = false
if upto > ends or not is_ours then
  local size, new = call('HSTRLEN', key, 's'), call('HSTRLEN', key, 'r')
  local is_sound = size <= most and new <= most and size % 8 == 0 and new % 8 == 0
  local is_whole = is_sound and (size > 0 or since == sorted) and (new > 0 or sorted == ends)
  local there = is_ours and is_whole and new > 0 and call('HGET', key, 'r') or ''
  is_damaged = is_ours and not (is_whole and ascends(there))
  if ends < from or not is_ours or is_damaged then size, there, since = 0, '', from end -- pages between, or items, are gone
  local items = merge(there, ARGV[7])
  if 8 * #items > size or #items > 8 * AT_ONCE or size + #items > most then
    local set = size > 0 and call('HGET', key, 's') or ''
    if not ascends(set) then is_damaged, set, items, since = true, '', ARGV[7], from end
    set = merge(set, items)
    if #set > most then set, since = ARGV[7], from end
    fields[#fields + 1] = 's'
    fields[#fields + 1] = set
    sorted = upto
  else
    fields[#fields + 1] = 'r'
    fields[#fields + 1] = items
  end
  ends = upto
end

local dropped = math.max(0, math.floor(below / PAGE) * PAGE - first)
dropped = math.min(dropped, ends - first)
for page = math.floor(first / PAGE), math.floor((first + dropped) / PAGE) - 1 do
  call('HDEL', key, string.format('%d', page))
end
fields[#fields + 1] = 'm'
fields[#fields + 1] = birth .. bytes_of(first + dropped) .. bytes_of(ends) .. bytes_of(since) .. bytes_of(sorted)
for i = 1, #fields, 200 do call('HSET', key, unpack(fields, i, math.min(i + 199, #fields))) end
if sorted == ends then call('HDEL', key, 'r') end
if ARGV[2] ~= '0' then call('PEXPIRE', key, ARGV[2]) end
if is_lost then return {dropped, 2} end
return is_damaged and {dropped, 1} or dropped
