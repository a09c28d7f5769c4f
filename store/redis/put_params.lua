-- Stores one user's params unless newer ones of the same generation are there.
-- KEYS: the user. ARGV: head of the params (40 bytes), h and values, ttl in ms (0 = none), epoch of a record that is
-- begun for them, tag of the user's slot, life of the window that they were made from (8 bytes; none = the first one),
-- what the list of who was forgotten said, where it was asked by itself (find_gone).
-- Returns 1 if stored, 0 if not, -1 where the record is damaged.
-- Stored params that are ahead of the window are a leftover of a window that was lost: they do not count as newer. New
-- ones that are ahead of it were made from one that was lost meanwhile, and those of another life from one that was
-- forgotten, however far the new one is by now: they are not stored.
local key, params = KEYS[1], ARGV[1]
local state, head = read_head(key)
if state == 'foreign' or state == 'newer' then return refuse(state) end
if state == 'damaged' then return -1 end

local is_stored = true
if state == 'ours' then
  local there, seq, new = sub(head, PARAMS_AT, HEAD), sub(head, 21, 28), sub(params, 1, 8)
  local has_window = seq ~= NONE
  if has_window and is_above(new, seq) or life_of(head) ~= (ARGV[6] or NONE) then is_stored = false end
  -- of the same generation, width and count
  if there ~= NO_PARAMS and sub(there, 17, 32) == sub(params, 17, 32) and is_above(there, new) then
    if not (has_window and is_above(there, seq)) then is_stored = false end
  end
  head = sub(head, 1, PARAMS_AT - 1) .. params .. sub(head, HEAD + 1)
else
  local failed, _, _, gone = find_gone(key, ARGV[5], ARGV[7] or false)
  if failed then return failed end
  if gone then return 0 end -- forgotten while they were made
  head = 'SU' .. string.char(PLAIN, 0) .. ARGV[4] .. NONE .. params
end
if is_stored then call('HSET', key, 'h', head, 'p', ARGV[2]) end
if ARGV[3] ~= '0' then call('PEXPIRE', key, ARGV[3]) end
return is_stored and 1 or 0
