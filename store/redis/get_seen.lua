-- Reads what was ever taken of one user, for whoever has met an answer that was too long: with HMGET it is faster.
-- KEYS: the pages. ARGV: most bytes. Returns m, s and r (put_pages.lua); nothing where they are larger.
local key, call, size = KEYS[1], redis.call, 0
for _, field in ipairs({'m', 's', 'r'}) do size = size + call('HSTRLEN', key, field) end
return size <= tonumber(ARGV[1]) and call('HMGET', key, 'm', 's', 'r') or {}
