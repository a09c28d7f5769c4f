-- Reads entries of the item log.
-- KEYS: the log. ARGV: number of the first entry, most entries, most bytes of them together, most bytes of one. Returns
-- the head (empty = there is no log; "?" = there are entries without one, or it is larger than any) and the entries, each
-- behind its number: an empty one for what is too long, and none from where one is missing on. What was dropped
-- (items_drop.lua) is passed over.
local call, byte, MOST_HEAD, BLOCK, GAP = redis.call, string.byte, 65536, 1024, 9
local key, number, most, bytes, found = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), 0, {''}
local size = call('HSTRLEN', key, 'h')
if size > 0 then
  found[1] = size <= MOST_HEAD and call('HGET', key, 'h') or '?'
elseif call('HLEN', key) > 0 then
  found[1] = '?'
end
if #found[1] < 28 then return found end

local function number_at(value, at)
  local low, high = struct.unpack('<I4I4', value, at)
  return high * 4294967296 + low
end
local count = number_at(found[1], 21)
-- The other end of the gap that has one end here; nil: there is none.
local function other_end(at)
  local value = call('HSTRLEN', key, at) == GAP and call('HGET', key, at)
  local other = value and byte(value, 1) == 0 and number_at(value, 2)
  return other and math.ceil(other / BLOCK) == math.ceil(at / BLOCK) and other or nil
end
-- Inside of a gap that was made behind the reader's back: its end is the next thing that there is.
if number <= count and call('HSTRLEN', key, number) == 0 then
  local last, block_end = number + 1, math.ceil(number / BLOCK) * BLOCK
  while last < block_end and call('HSTRLEN', key, last) == 0 do last = last + 1 end
  if (other_end(last) or number) >= number then return found end
  number = last + 1
end
while number <= count and most > 0 do
  local size, other = call('HSTRLEN', key, number), other_end(number)
  if size == 0 then break end
  if other then
    number = math.max(number, other) + 1
  else
    if size > tonumber(ARGV[4]) then size = 0 end
    bytes = bytes + size
    if #found > 1 and bytes > tonumber(ARGV[3]) then break end
    found[#found + 1] = number
    found[#found + 1] = size > 0 and call('HGET', key, number) or ''
    number, most = number + 1, most - 1
  end
end
return found
