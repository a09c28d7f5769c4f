-- Reads parts of one user's state.
-- KEYS: the state. ARGV: generation and selector (8 bytes each), number of the first part, how many, most bytes of all,
-- ttl in ms (0 = none). Returns the head, then the parts, or their size where that is more; the head alone where it is of
-- another generation or selector; nothing where there is none. A part that is not there is nil.
local key, call = KEYS[1], redis.call
local size = call('HSTRLEN', key, 'h')
if size == 0 then return {} end
if size ~= 60 then return {''} end
local head = call('HGET', key, 'h')
if string.sub(head, 29, 44) ~= ARGV[1] then return {head} end
local first, names, bytes = tonumber(ARGV[2]), {}, 0
local count = math.min(tonumber(ARGV[3]), struct.unpack('<I4', head, 5) - first, 4096)
for i = 1, count do
  names[i] = string.format('%d', first + i - 1)
  bytes = bytes + math.ceil(math.max(0, call('HSTRLEN', key, names[i]) - 8) / 8) * 8
end
if bytes > tonumber(ARGV[4]) then return {head, bytes} end
local answer = count > 0 and call('HMGET', key, unpack(names)) or {}
table.insert(answer, 1, head)
if ARGV[5] ~= '0' then redis.pcall('PEXPIRE', key, ARGV[5]) end
return answer
