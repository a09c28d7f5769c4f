-- Takes steps that are in pages now out of one user's record.
-- KEYS: the user. ARGV: birth of the history (8 bytes), number of the first step that stays. Returns 1 where they were
-- taken out, 0 where they are out, or where it is another history.
local key, upto = KEYS[1], tonumber(ARGV[2])
local state, values = read_record(key)
-- Pages are written beside a record of version 3 alone: one of version 2 is a server's that took over and lacks them.
if state ~= 'ours' or byte(values[1], 3) ~= 3 or sub(values[1], -HISTORY, 7 - HISTORY) ~= ARGV[1] then return 0 end
local low, high = struct.unpack('<I4I4', values[1], 21)
local seq = high * 4294967296 + low
local stay = seq - upto
if stay < 1 or 16 * stay >= #values[2] then return 0 end
call('HSET', key, 's', sub(values[2], -16 * stay))
return 1
