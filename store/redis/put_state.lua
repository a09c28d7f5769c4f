-- Stores one user's state, or a change of it, as a whole or not at all (sol_port_judge_put decides the same way).
-- KEYS: the state. ARGV: head (store/record/page.h), seq of the state that is changed (8 bytes; empty = it is replaced),
-- ttl in ms (0 = none), parts (each: number and size, 4 bytes each, and bytes). Returns 1 = it is there, 0 = it may not be.
local key, head, call, sub = KEYS[1], ARGV[1], redis.call, string.sub
-- Of a history that is gone, or of who was forgotten meanwhile, nothing is kept. The record is in the same slot; while
-- that is moved it may be elsewhere, and nothing is kept either: a state can be made anew, and nobody waits for one.
do
  local record = string.sub(key, 1, -7)
  local size = redis.pcall('HSTRLEN', record, 'h')
  if type(size) == 'table' then return 0 end
  local there = size <= 65536 and redis.pcall('HGET', record, 'h')
  local version = there and string.byte(there, 3)
  if version ~= 2 and version ~= 3 or string.sub(there, -24, -17) ~= sub(head, 13, 20) then return 0 end
end

local there = call('HSTRLEN', key, 'h') == 60 and call('HGET', key, 'h') or ''
local most = there ~= '' and struct.unpack('<I4', there, 5) or 0
if most > 4096 then there, most = '', 0 end -- it is damaged
local is_same = sub(there, 1, 4) == sub(head, 1, 4) and sub(there, 13, 20) == sub(head, 13, 20) and
  sub(there, 29, 44) == sub(head, 29, 44) -- birth, generation and selector
local n = 0

if ARGV[2] == '' then
  local low, high = struct.unpack('<I4I4', head, 21)
  if is_same then
    local there_low, there_high = struct.unpack('<I4I4', there, 21)
    if there_high > high or (there_high == high and there_low > low) then return 0 end
  end
elseif not is_same then
  return 0
elseif sub(there, 13) == sub(head, 13) and ARGV[2] ~= sub(head, 21, 28) then
  return 1 -- an earlier try, whose answer was lost
elseif sub(there, 21, 28) ~= ARGV[2] then
  return 0
else
  n = struct.unpack('<I4', there, 5)
end

local fields, at = {}, 1
while at <= #ARGV[4] do
  local number, size = struct.unpack('<I4I4', ARGV[4], at)
  if number > n then return 0 end -- a gap
  if number == n then n = n + 1 end
  fields[#fields + 1] = string.format('%d', number)
  fields[#fields + 1] = sub(ARGV[4], at + 8, at + 7 + size)
  at = at + 8 + size
end
fields[#fields + 1] = 'h'
fields[#fields + 1] = sub(head, 1, 4) .. struct.pack('<I4I4', n, 4294967295 - n) .. sub(head, 13)
if there == '' then call('DEL', key) end
for i = 1, #fields, 200 do call('HSET', key, unpack(fields, i, math.min(i + 199, #fields))) end
-- Only then what there was more of: a key that goes and comes again is refused where the slot is being moved.
for number = n, most - 1 do call('HDEL', key, string.format('%d', number)) end
if ARGV[3] ~= '0' then call('PEXPIRE', key, ARGV[3]) end
return 1
