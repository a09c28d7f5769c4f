-- Appends what is new to one user's record and reads it back.
-- KEYS: the user. ARGV: L, ttl in ms (0 = none), epoch, steps (16 bytes each, oldest first), positions (16 bytes each:
-- stream, offset; a stream of 0 = none, always new), dislikes (a byte each: 1 = a dislike and no step; empty = none),
-- what a history needs: steps that are asked for, steps that a full page leaves behind (4 bytes each), the time now, how
-- old it is when the lifetime of the pages has to be renewed (ms, 8 bytes each), and the birth of a history that is begun
-- (8 bytes; none = no history is begun); tag of the user's slot; what the list of who was forgotten said, where it was
-- asked by itself (find_gone).
-- Returns what became of the record that was there (0 = it was used, 1 = damaged, renamed, 2 = of another epoch, 3 =
-- damaged, and its slot is being moved: all but the first begin anew, 3 in its place), seq, how many were new, steps,
-- dislikes, of the params' head seq, time and generation. Of a record with a history also its bytes in the head, the steps
-- that are to become pages, 1 = renew the pages' lifetime, and the number of its first step. Then, of a user who was
-- forgotten before, the life that the record is of (8 bytes).
local function number_of(bytes)
  local low, high = struct.unpack('<I4I4', bytes)
  return high * 4294967296 + low
end

local PAGE = 256
local key = KEYS[1]
local state, values = read_record(key)
if state == 'foreign' or state == 'newer' then return refuse(state) end

local became, head, steps, dislikes = 0, values and values[1], '', ''
if state == 'ours' then
  if sub(head, 5, 20) ~= ARGV[3] then
    became = 2
  else
    steps = values[2] or ''
    if has_dislikes(head) then dislikes = read_dislikes(key) end
    if not dislikes then state = 'damaged' end
  end
end
if state == 'damaged' then
  became, state, steps, dislikes = 1, 'none', '', ''
end

-- marks: stream -> offset; order: streams, the one that moved last at the end
local seq, params, version, marks, order, moved, is_moved, life = 0, NO_PARAMS, 1, {}, {}, {}, {}, NONE
if state == 'ours' and became == 0 then
  seq, params, version = number_of(sub(head, 21, 28)), sub(head, PARAMS_AT, HEAD), byte(head, 3)
  for at = HEAD + 1, marks_end(head), 16 do
    local stream = sub(head, at, at + 7)
    if stream == NONE then
      life = sub(head, at + 8, at + 15)
    else
      marks[stream] = sub(head, at + 8, at + 15)
      order[#order + 1] = stream
    end
  end
end

-- birth, when the lifetime of the pages was renewed, number of the first step; nil = the record is all there is
local history, first
if history_of(version) > 0 or #ARGV[7] > 24 then
  first = seq - #steps / 16
  history = history_of(version) > 0 and sub(head, -HISTORY) or sub(ARGV[7], 25) .. sub(ARGV[7], 9, 16) ..
    struct.pack('<I4I4', first % 4294967296, math.floor(first / 4294967296))
end

local fresh, applied, disliked, is_old = {}, 0, dislikes, false
local gone -- of who was forgotten; false = this user was not
local function find_once()
  if gone ~= nil then return end
  local failed, _, _, value = find_gone(key, ARGV[8], ARGV[9] or false)
  gone = value or false
  return failed
end
-- The newest word about an item counts.
local function forget_dislike(item)
  for at = 1, #disliked, 8 do
    if sub(disliked, at, at + 7) == item then
      disliked = sub(disliked, 1, at - 1) .. sub(disliked, at + 8)
      return
    end
  end
end
for i = 0, #ARGV[5] / 16 - 1 do
  local stream, offset = sub(ARGV[5], 16 * i + 1, 16 * i + 8), sub(ARGV[5], 16 * i + 9, 16 * i + 16)
  local is_new = stream == NONE
  if not is_new then
    if marks[stream] then
      is_new = is_above(offset, marks[stream])
    else
      local failed = find_once()
      if failed then return failed end
      is_new = not (gone and is_gone(gone, stream, offset, sub(ARGV[4], 16 * i + 9, 16 * i + 16)))
    end
    if is_new then
      marks[stream] = offset
      if not is_moved[stream] then moved[#moved + 1] = stream end
      is_moved[stream] = true
    end
  end
  if is_new then
    local step = sub(ARGV[4], 16 * i + 1, 16 * i + 16)
    applied = applied + 1
    if disliked ~= '' then forget_dislike(sub(step, 1, 8)) end
    if byte(ARGV[6], i + 1) == 1 then
      disliked = disliked .. sub(step, 1, 8)
    else
      fresh[#fresh + 1] = step
    end
  end
end
steps = history and steps .. table.concat(fresh) or sub(steps .. table.concat(fresh), -16 * tonumber(ARGV[1]))
disliked = sub(disliked, -8 * MOST_DISLIKES)

if applied > 0 and (state ~= 'ours' or became > 0) then -- a record is begun
  local failed = find_once()
  if failed then return failed end
  life = life_behind(gone)
end
if became == 1 and #ARGV[4] > 0 then -- the first ones stay, and the last
  local kept = redis.pcall('RENAMENX', key, key .. ':damaged')
  if kept == 0 then kept = redis.pcall('RENAMENX', key, key .. ':damaged:2') end
  if kept == 0 then kept = redis.pcall('RENAME', key, key .. ':damaged:3') end
  if type(kept) == 'table' and kept.err then
    -- A key that is not there is where the slot moves to: nobody waits for the sake of a copy.
    if not string.find(kept.err, 'non local key', 1, true) then return kept end
    became, state = 3, 'ours'
  end
end
if applied > 0 then
  -- Params without a window are what a lost one left behind: their seq means nothing to this window.
  local loses_params = seq == 0
  if loses_params then params = NO_PARAMS end
  local kept = {}
  for _, stream in ipairs(order) do
    if not is_moved[stream] then kept[#kept + 1] = stream end
  end
  for _, stream in ipairs(moved) do kept[#kept + 1] = stream end
  local pairs_of = life ~= NONE and {NONE .. life} or {}
  for i = math.max(1, #kept - MARKS + #pairs_of + 1), #kept do pairs_of[#pairs_of + 1] = kept[i] .. marks[kept[i]] end
  seq = seq + #fresh
  if history then
    local renewed = number_of(sub(history, 9))
    is_old = ARGV[2] ~= '0' and number_of(sub(history, 17)) < first and
      number_of(sub(ARGV[7], 9)) - renewed > number_of(sub(ARGV[7], 17))
    if is_old then history = sub(history, 1, 8) .. sub(ARGV[7], 9, 16) .. sub(history, 17) end
  end
  head = 'SU' .. string.char(history and 3 or PLAIN, #pairs_of + (disliked ~= '' and 128 or 0)) .. ARGV[3] ..
    struct.pack('<I4I4', seq % 4294967296, math.floor(seq / 4294967296)) .. params .. table.concat(pairs_of) .. (history or '')
  -- The first write of a sound record: a server without memory refuses a script at its first write or not at all.
  if disliked ~= dislikes and disliked ~= '' then
    call('HSET', key, 'h', head, 's', steps, 'd', disliked)
  else
    call('HSET', key, 'h', head, 's', steps)
  end
  if state == 'ours' then -- there may be more than is replaced
    if loses_params then call('HDEL', key, 'p') end
    if disliked == '' and (dislikes ~= '' or became > 0) then call('HDEL', key, 'd') end
  end
end
if ARGV[2] ~= '0' then call('PEXPIRE', key, ARGV[2]) end
if life == NONE then life = nil end
if not history then return {became, seq, applied, steps, disliked, sub(params, 1, 24), life} end
local most, leaves = struct.unpack('<I4I4', ARGV[7])
local full = ''
if #ARGV[4] > 0 and #steps >= 16 * (leaves + PAGE) then
  full = sub(steps, 1, 16 * (math.floor((seq - leaves) / PAGE) * PAGE - first))
  if applied == 0 and version == 2 then -- what put_pages.lua writes is of version 3
    call('HSET', key, 'h', sub(head, 1, 2) .. string.char(3) .. sub(head, 4))
  end
end
return {became, seq, applied, sub(steps, -16 * most), disliked, sub(params, 1, 24), history, full, is_old and 1 or 0, first, life}
