-- Appends what is new to one user's window and reads it back.
-- KEYS: window, params. ARGV: L, ttl in ms (0 = none), steps (16 bytes each, oldest first), positions (16 bytes each:
-- stream, offset, both little-endian; a stream of 0 = none, always new).
-- The window is a hash: s = its steps, n = seq, m<stream> = offset of the newest step applied from there; stream and
-- offset are the 8 bytes of the position.
-- Returns seq, number of steps that were new, steps, and the head of the params (codec.h), '' where there are none.
-- Numbers of 64 bits are compared as two halves, because a Lua number holds 53.
local function is_above(offset, mark)
  local low, high = struct.unpack('<I4I4', offset)
  local mark_low, mark_high = struct.unpack('<I4I4', mark)
  return high > mark_high or (high == mark_high and low > mark_low)
end

local window = redis.call('HMGET', KEYS[1], 's', 'n')
local old, seq = window[1] or '', tonumber(window[2] or '0')
if #old % 16 ~= 0 then old = '' end -- not steps: whatever wrote it, what is appended must be read back
local no_stream = string.rep('\0', 8)
local marks, moved, fresh = {}, {}, {}

for i = 0, #ARGV[4] / 16 - 1 do
  local stream, offset = string.sub(ARGV[4], 16 * i + 1, 16 * i + 8), string.sub(ARGV[4], 16 * i + 9, 16 * i + 16)
  local is_new = stream == no_stream
  if not is_new then
    local field = 'm' .. stream
    local mark = marks[field] or redis.call('HGET', KEYS[1], field)
    is_new = not mark or #mark ~= 8 or is_above(offset, mark)
    if is_new then
      mark = offset
      moved[field] = true
    end
    marks[field] = mark
  end
  if is_new then
    fresh[#fresh + 1] = string.sub(ARGV[3], 16 * i + 1, 16 * i + 16)
  end
end

local steps = string.sub(old .. table.concat(fresh), -16 * tonumber(ARGV[1]))
if #fresh > 0 then
  seq = seq + #fresh
  local fields = {'s', steps, 'n', string.format('%.0f', seq)}
  for field in pairs(moved) do
    fields[#fields + 1] = field
    fields[#fields + 1] = marks[field]
  end
  -- The first write: a server without memory refuses a script at its first write or not at all.
  redis.call('HSET', KEYS[1], unpack(fields))
  -- Params without a window are what an evicted or expired one left behind: their seq means nothing to this window.
  if not window[2] then redis.call('DEL', KEYS[2]) end
end
if ARGV[2] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
return {seq, #fresh, steps, redis.call('GETRANGE', KEYS[2], 0, 31)}
