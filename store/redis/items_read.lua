-- Reads entries of the item log.
-- KEYS: the log. ARGV: number of the first entry, most entries, most bytes of them together, most bytes of one. Returns
-- the head (empty = there is no log) and the entries: an empty one for what is too long, and none from where one is
-- missing on.
local call, MOST_HEAD = redis.call, 65536
local key, first, bytes, found = KEYS[1], tonumber(ARGV[1]), 0, {''}
if call('HSTRLEN', key, 'h') <= MOST_HEAD then found[1] = call('HGET', key, 'h') or '' end
for number = first, first + ARGV[2] - 1 do
  local size = call('HSTRLEN', key, number)
  if size == 0 then break end
  if size > tonumber(ARGV[4]) then size = 0 end
  bytes = bytes + size
  if number > first and bytes > tonumber(ARGV[3]) then break end
  found[#found + 1] = size > 0 and call('HGET', key, number) or ''
end
return found
