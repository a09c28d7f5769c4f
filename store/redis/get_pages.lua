-- Reads pages of one user.
-- KEYS: the pages. ARGV: the first and the last one, by number, or below 0 counted from behind the newest (-1), ttl in
-- ms (0 = none), most bytes of a page, birth of the history that the record had when it was read (8 bytes; none = it is
-- being read).
-- Returns 0 where the record is of that history no more: its user was forgotten meanwhile, or the record is gone. Else m
-- (put_pages.lua says what it is), number of the first page, the pages (nil: it is not there, or larger); nothing where
-- there are none, or none are asked for (the first one is behind the last).
local key, from, to, call = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), redis.call
if ARGV[5] then -- the record is in the same slot; while that is moved it may be elsewhere
  local record = string.sub(key, 1, -7)
  local size = redis.pcall('HSTRLEN', record, 'h')
  if size == 0 then size = redis.pcall('EXISTS', key, record) end -- put_pages.lua says why
  if type(size) == 'table' then return redis.error_reply('TRYAGAIN the slot is being moved') end
  local head = size <= 65536 and redis.pcall('HGET', record, 'h')
  local version = head and string.byte(head, 3)
  if version ~= 2 and version ~= 3 or string.sub(head, -24, -17) ~= ARGV[5] then return 0 end
  if from > to then -- nothing else was asked
    if ARGV[3] ~= '0' then redis.pcall('PEXPIRE', key, ARGV[3]) end
    return {}
  end
end
local meta = call('HSTRLEN', key, 'm') <= 40 and call('HGET', key, 'm')
if not meta or #meta ~= 32 and #meta ~= 40 then return {} end
local low, high, end_low, end_high = struct.unpack('<I4I4I4I4', meta, 9)
if high >= 256 or end_high >= 256 then return {} end -- no numbers of steps: to count on from there would not end
local first, behind = math.floor((high * 4294967296 + low) / 256), math.floor((end_high * 4294967296 + end_low) / 256)
if to < 0 then from, to = behind + from, behind + to end
from = math.max(from, first)
to = math.min(to, behind - 1)
local answer = {meta, from}
for page = from, to do
  local name = string.format('%d', page)
  answer[#answer + 1] = call('HSTRLEN', key, name) <= tonumber(ARGV[4]) and call('HGET', key, name)
end
if ARGV[3] ~= '0' then redis.pcall('PEXPIRE', key, ARGV[3]) end
return answer
