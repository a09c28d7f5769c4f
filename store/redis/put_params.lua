-- Stores one user's params unless newer ones of the same generation are there.
-- KEYS: window, params. ARGV: record (layout in codec.h), ttl in ms (0 = that of the window). Returns 1 if stored, 0 if not.
-- Stored params that are ahead of the window are a leftover of a window that was lost: they do not count as newer.
-- Numbers of 64 bits are compared as two halves, because a Lua number holds 53.
local function seq_of(record)
  local low, high = struct.unpack('<I4I4', record, 9)
  return high, low
end
local function is_above(high, low, other_high, other_low)
  return high > other_high or (high == other_high and low > other_low)
end

local record = ARGV[1]
local stored = redis.call('GETRANGE', KEYS[2], 0, 31)
local keep = false
if #stored == 32 and string.sub(stored, 1, 5) == string.sub(record, 1, 5)
    and string.sub(stored, 17, 32) == string.sub(record, 17, 32) then
  local high, low = seq_of(stored)
  keep = is_above(high, low, seq_of(record))
  local seen = tonumber(redis.call('HGET', KEYS[1], 'n') or '0')
  if seen > 0 and high * 4294967296 + low > seen then keep = false end
end

if not keep then redis.call('SET', KEYS[2], record) end
if ARGV[2] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
elseif not keep then -- SET has ended what time there was
  local left = redis.call('PTTL', KEYS[1])
  if left > 0 then redis.call('PEXPIRE', KEYS[2], left) end
end
return keep and 0 or 1
