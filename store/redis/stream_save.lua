-- Makes a stream's record ARGV[2] where it still is ARGV[1] (empty = where there is none).
-- KEYS: the record. Returns 1 if it is ARGV[2] now, 0 if it is something else and stays so.
local there = redis.call('GET', KEYS[1])
if there == ARGV[2] then return 1 end -- an earlier try, whose answer was lost
if (there or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
