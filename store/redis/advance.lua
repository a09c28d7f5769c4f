-- Appends what is new to one user's window and reads it back.
-- KEYS: window, params. ARGV: L, ttl in ms (0 = none), steps (16 bytes each, oldest first), positions (8 bytes each:
-- offset in the lower 48 bits, partition in the upper 16; all ones = of no stream, always new).
-- The window is a hash: s = its steps, n = seq, m<partition> = offset of the newest step applied from there.
-- Returns seq, number of steps that were new, steps.
local window = redis.call('HMGET', KEYS[1], 's', 'n')
local old, seq = window[1] or '', tonumber(window[2] or '0')
if #old % 16 ~= 0 then old = '' end -- not steps: whatever wrote it, what is appended must be read back
local marks, moved, fresh = {}, {}, {}

for i = 0, #ARGV[4] / 8 - 1 do
  local low, high, partition = struct.unpack('<I4I2I2', ARGV[4], 8 * i + 1)
  local is_new = low == 4294967295 and high == 65535 and partition == 65535
  if not is_new then
    local field, offset = 'm' .. partition, high * 4294967296 + low
    local mark = marks[field] or tonumber(redis.call('HGET', KEYS[1], field) or '-1')
    is_new = offset > mark
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
    fields[#fields + 1] = string.format('%.0f', marks[field])
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
return {seq, #fresh, steps}
