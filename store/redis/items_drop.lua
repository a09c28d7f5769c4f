-- Drops entries of the item log of which nothing counts any more. What is left of neighbours that were dropped is a gap:
-- 9 bytes, zero and the number of the other end, under the number of each end. Gaps do not reach beyond a multiple of
-- 1,024 numbers, so that who is inside of one finds its end.
-- KEYS: the log. ARGV: its name (16 bytes), numbers of the entries (8 bytes each, ascending). Returns 1, or 0 where it is
-- another log. The newest entry stays. What was dropped before is passed over, so that it may be done again.
local call, sub, BLOCK, GAP = redis.call, string.sub, 1024, 9
local key = KEYS[1]
local head = call('HSTRLEN', key, 'h') == 28 and call('HGET', key, 'h') or ''
if sub(head, 1, 2) ~= 'SI' or sub(head, 5, 20) ~= ARGV[1] then return 0 end
if string.byte(head, 3) > 2 then return redis.error_reply('NEWER version of the item log than 2, which is known here') end

local function number_at(bytes, at)
  local low, high = struct.unpack('<I4I4', bytes, at)
  return high * 4294967296 + low
end
local function write_end(number, other)
  call('HSET', key, number, '\0' .. struct.pack('<I4I4', other % 4294967296, math.floor(other / 4294967296)))
end
-- The other end of the gap that has one end here; nil: there is none.
local function other_end(number)
  local value = call('HSTRLEN', key, number) == GAP and call('HGET', key, number)
  local other = value and string.byte(value, 1) == 0 and number_at(value, 2)
  return other and math.ceil(other / BLOCK) == math.ceil(number / BLOCK) and other or nil
end

local count, is_changed = number_at(head, 21), false
for at = 1, #ARGV[2], 8 do
  local number = number_at(ARGV[2], at)
  if number < count and call('HSTRLEN', key, number) > 0 and not other_end(number) then
    local first = (number - 1) % BLOCK > 0 and other_end(number - 1) or number
    local last = number % BLOCK > 0 and other_end(number + 1) or number
    if first < number - 1 then call('HDEL', key, number - 1) end
    if last > number + 1 then call('HDEL', key, number + 1) end
    if first < number and last > number then call('HDEL', key, number) end
    write_end(first, last)
    if last > first then write_end(last, first) end
    is_changed = true
  end
end
if is_changed and string.byte(head, 3) == 1 then call('HSET', key, 'h', 'SI\2' .. sub(head, 4)) end
return 1
