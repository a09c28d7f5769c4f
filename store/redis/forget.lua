-- Removes what there is of one user, and keeps up to where they are forgotten.
-- KEYS: the user. ARGV: tag of the user's slot, secret of the list should it have none yet, time of the forgetting (8
-- bytes, ms), position of the event that asks for it (16 bytes: stream, offset; a stream of 0 = none), epoch of the
-- caller (empty = he has none). The next life of the user has a number of its own. Returns 1 if there was something. An
-- event that was met before changes nothing.
-- All keys are looked at before anything is removed, so that a slot that is being moved refuses all or nothing; something
-- is removed before the list is written, because a server without memory refuses a first write that needs some.
local key, stream, offset = KEYS[1], sub(ARGV[4], 1, 8), sub(ARGV[4], 9, 16)
local state, head = read_head(key)
if state == 'foreign' or state == 'newer' then return refuse(state) end
local failed, list, field, value = find_gone(key, ARGV[1])
if failed then return failed end
for _, beside in ipairs(BESIDE) do
  if type(redis.pcall('EXISTS', key .. beside)) == 'table' then return redis.error_reply('TRYAGAIN the slot is being moved') end
end

-- the marks of the forgetting before and of the record: stream -> offset, and the streams in order
local marks, order, met = {}, {}, nil
local function take(bytes, from, counts)
  for at = from, #bytes, 16 do
    local one, mark = sub(bytes, at, at + 7), sub(bytes, at + 8, at + 15)
    if not marks[one] and one ~= NONE then order[#order + 1] = one end
    if not marks[one] or is_above(mark, marks[one]) then marks[one] = mark end
    if counts and one == stream and (not met or is_above(mark, met)) then met = mark end
  end
end
if value then take(value, 9, true) end
if state == 'ours' then take(sub(head, 1, marks_end(head)), HEAD + 1, ARGV[5] == '' or sub(head, 5, 20) == ARGV[5]) end
if stream ~= NONE then
  if met and not is_above(offset, met) then return 0 end
  take(ARGV[4], 1)
end

local kept = {sub(ARGV[3], 1, 8)}
if value and is_above(value, kept[1]) then kept[1] = sub(value, 1, 8) end
local low, high = struct.unpack('<I4I4', marks[NONE] or life_behind(value))
local lives = high * 4294967296 + low + 1
kept[2] = NONE .. struct.pack('<I4I4', lives % 4294967296, math.floor(lives / 4294967296))
for i = math.max(1, #order - MOST_GONE + 2), #order do kept[#kept + 1] = order[i] .. marks[order[i]] end
local removed = 0
for _, beside in ipairs(BESIDE) do removed = removed + call('UNLINK', key .. beside) end
if not field then
  call('HSET', list, 'k', ARGV[2])
  field = sub(redis.sha1hex(ARGV[2] .. key), 1, 32)
end
call('HSET', list, field, table.concat(kept))
return removed > 0 and 1 or 0
