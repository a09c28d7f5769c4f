-- Appends entries to the item log where it still is as it was seen.
-- KEYS: the log, a hash: field h is its head (store/record/entry.h), fields 1, 2, ... its entries. ARGV: the head as it
-- was seen (empty = there was none), the head afterwards, both but for their version, which stays, how many entries there
-- were, the new ones, each behind its size (4 bytes). Returns the head that there is now; "?" = there are entries
-- without one, or it is larger than any. Of a damaged log, or one of a later version than 2, which is known here, nothing
-- is changed.
local call, sub, MOST_HEAD = redis.call, string.sub, 65536
local key, number, at = KEYS[1], tonumber(ARGV[3]), 1
local head, length = '', call('HSTRLEN', key, 'h')
if length > 0 then
  head = length <= MOST_HEAD and call('HGET', key, 'h') or '?'
elseif call('HLEN', key) > 0 then
  head = '?'
end
if head ~= '' and #head < 28 or sub(head, 4) ~= sub(ARGV[1], 4) or (string.byte(head, 3) or 0) > 2 then return head end
local after = head == '' and ARGV[2] or sub(head, 1, 3) .. sub(ARGV[2], 4)
while at <= #ARGV[4] do
  local size = struct.unpack('<I4', ARGV[4], at)
  number = number + 1
  call('HSET', key, number, sub(ARGV[4], at + 4, at + 3 + size))
  at = at + 4 + size
end
call('HSET', key, 'h', after)
return after
