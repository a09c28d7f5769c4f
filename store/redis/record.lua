-- What the scripts about a user share: it stands before each of them.
--
-- A user is one hash, <prefix>{user}, with one time to live. Its fields (store/record/head.h has their bytes):
--   h  head: version of the record, epoch, seq of the window, head of the params, marks
--   s  steps, 16 bytes each, oldest first: the window, or with a history those that are in no page
--   p  params: h and values, of which the head holds seq, generation, sizes and a checksum
--   d  dislikes: hashes of items, 8 bytes each, oldest first
-- A value is looked at only after its size: what is larger than any record may not cost the server a copy.
-- Numbers of 64 bits are compared as two halves, because a Lua number holds 53.
local HEAD, MARKS, PARAMS_AT, MOST_HEAD, MOST_STEPS, MOST_DISLIKES = 68, 8, 29, 65536, 524288, 256
local HISTORY = 24 -- bytes about pages at the end of a head of versions 2 and 3
local PLAIN = VERSION > 3 and VERSION or 1 -- version of a record without a history
local NONE = '\0\0\0\0\0\0\0\0'
local NO_PARAMS = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
local call, sub, byte = redis.call, string.sub, string.byte

local function is_above(left, right)
  local low, high = struct.unpack('<I4I4', left)
  local other_low, other_high = struct.unpack('<I4I4', right)
  return high > other_high or (high == other_high and low > other_low)
end

-- What a hash without a sound head is: 'none' (no such key), 'damaged' where all of its fields are ours, else 'foreign'.
local function name_broken(key)
  local fields = call('HLEN', key)
  if fields == 0 then return 'none' end
  local ours = call('HEXISTS', key, 'h') + call('HEXISTS', key, 's') + call('HEXISTS', key, 'p') + call('HEXISTS', key, 'd')
  return fields == ours and 'damaged' or 'foreign'
end

-- Bytes about pages in a head of that version.
local function history_of(version)
  return (version == 2 or version == 3) and HISTORY or 0
end

-- 'ours', 'damaged' or 'newer', of a head of that size. The first three bytes mean the same in every version.
local function judge_head(head, size)
  local first, second, version, shape = byte(head, 1, 4)
  if first ~= 83 or second ~= 85 or not version or version == 0 then return 'damaged' end -- "SU"
  if version > VERSION then return 'newer' end
  if not shape or shape % 128 > MARKS or size ~= HEAD + 16 * (shape % 128) + history_of(version) then
    return 'damaged'
  end
  return sub(head, 26, 28) == '\0\0\0' and 'ours' or 'damaged' -- seq: pages have numbers of 32 bits
end

-- What there is under a key: 'ours' and the head, or one of the above. A key of another type is Redis's own error.
local function read_head(key)
  local size = call('HSTRLEN', key, 'h')
  if size == 0 or size > MOST_HEAD then return name_broken(key) end
  local head = call('HGET', key, 'h')
  local state = judge_head(head, size)
  if state == 'damaged' then return name_broken(key) end
  return state, head
end

-- Whether a head may have so many bytes of steps: not none where there were some, nor more than there ever were, or than
-- there were since the history began.
local function fits(head, size)
  local low, high = struct.unpack('<I4I4', head, 21)
  local steps = high * 4294967296 + low
  if size == 0 then return steps == 0 end
  if history_of(byte(head, 3)) > 0 then
    low, high = struct.unpack('<I4I4', head, #head - 7)
    steps = steps - high * 4294967296 - low
  end
  return size <= 16 * steps
end

-- The same with more of it: 'ours' and { head, steps } or, where `field` is asked for and has `most` bytes at most,
-- { head, steps, field }; what is not there is false. Nothing of a newer version is judged but its head.
local function read_record(key, field, most)
  local size, steps = call('HSTRLEN', key, 'h'), call('HSTRLEN', key, 's')
  if size == 0 or size > MOST_HEAD then return name_broken(key) end
  if steps % 16 ~= 0 or steps > 16 * MOST_STEPS then
    local state = judge_head(call('HGET', key, 'h'), size)
    return state == 'newer' and state or name_broken(key)
  end
  if field and call('HSTRLEN', key, field) > most then field = nil end
  local values = field and call('HMGET', key, 'h', 's', field) or call('HMGET', key, 'h', 's')
  local state = judge_head(values[1], size)
  if state == 'damaged' or state == 'ours' and not fits(values[1], steps) then return name_broken(key) end
  return state, values
end

-- Where the marks of a head end.
local function marks_end(head)
  return #head - history_of(byte(head, 3))
end

local function has_dislikes(head)
  return byte(head, 4) >= 128
end

-- The dislikes that the head announces; nil if they are none.
local function read_dislikes(key)
  local size = call('HSTRLEN', key, 'd')
  if size == 0 or size % 8 ~= 0 or size > 8 * MOST_DISLIKES then return nil end
  return call('HGET', key, 'd')
end

-- The refusal of a record that is none of ours to change, or nil.
local function refuse(state)
  if state == 'foreign' then return redis.error_reply('WRONGTYPE a hash that is no record of a user') end
  if state == 'newer' then return redis.error_reply('NEWER version of a record than ' .. VERSION .. ', which is known here') end
end

-- All keys of a user: what is ever kept beside the record is named here, and forgotten with it.
local BESIDE = {'', ':pages', ':state', ':damaged', ':damaged:2', ':damaged:3', ':w', ':p'}

-- Who was forgotten, and up to where: a hash a slot, <prefix>forgotten:{tag}, in the slot of the users whom it is about.
-- Field k has a secret of its own; every other field is a hash of secret and key, which names nobody, and has the time of
-- the forgetting (8 bytes, ms) and marks, 16 bytes each. Returns value (false: this one was not forgotten; a table: an
-- error) and field (nil: there is no list). Nobody is taken for one who was not forgotten because a list is damaged.
local MOST_GONE, SECRET = 32, 16
local function refuse_list(what, list, cure)
  return redis.error_reply('WRONGTYPE ' .. what .. list .. ' is damaged: ' .. cure)
end
local function look_up(list, key)
  local size = redis.pcall('HSTRLEN', list, 'k')
  if size == 0 and redis.pcall('HLEN', list) == 0 then return false end
  if size ~= SECRET and (type(size) == 'number' or string.find(size.err, 'WRONGTYPE', 1, true)) then
    return refuse_list('', list, 'remove it, and forget its users again')
  end
  if type(size) == 'table' then return size end
  local field = sub(redis.sha1hex(call('HGET', list, 'k') .. key), 1, 32)
  if call('HSTRLEN', list, field) > 8 + 16 * MOST_GONE then return 'damaged', field end
  local value = call('HGET', list, field)
  return value and (#value % 16 == 8 and value or 'damaged'), field
end

-- Returns what became of it (an error to answer with, or nil), list, field (nil: nobody was forgotten yet, or the list is
-- elsewhere) and value (nil: this one was not).
-- While a slot is moved to another node its list may be on one of them and the user on the other. Then what counts is what
-- the list said when it was asked by itself (gone.lua): `told`. false: it was not asked yet, the answer is APART. nil: the
-- command changes the list, and waits until the slot has moved.
local function find_gone(key, tag, told)
  local list = string.match(key, '^[^{]*') .. 'forgotten:{' .. tag .. '}'
  local value, field = look_up(list, key)
  -- One key that is missing where the slot is moved to is taken for none; of two Redis says that they are not together.
  local both = not value and not field and redis.pcall('EXISTS', list, key)
  if type(both) == 'table' then value = both end
  if type(value) == 'table' then
    if not string.find(value.err, 'non local key', 1, true) then return value end
    if not told then return redis.error_reply((told == nil and 'TRYAGAIN' or 'APART') .. ' the slot is being moved') end
    value, field = told ~= '' and told, nil
  end
  if value == 'damaged' then
    if told ~= nil then return refuse_list('this user\'s entry in ', list, 'forget the user again') end
    value = nil -- to forget writes it anew
  end
  return nil, list, field, value or nil
end

-- A user's lives are told apart by how often they were forgotten: 8 bytes, NONE = never. The number stands among the
-- marks of the list, and of the record that was begun afterwards, as that of no stream, which earlier versions keep as it
-- is. A list that an earlier version has written may lack it: at least once.
local function life_among(bytes, from, upto)
  for at = from, upto, 16 do
    if sub(bytes, at, at + 7) == NONE then return sub(bytes, at + 8, at + 15) end
  end
end
local function life_of(head)
  return life_among(head, HEAD + 1, marks_end(head)) or NONE
end
local function life_behind(value)
  return value and (life_among(value, 9, #value) or '\1\0\0\0\0\0\0\0') or NONE
end

-- Whether an event was there before its user was forgotten: where a mark of its stream was kept, that says so, else time.
local function is_gone(value, stream, offset, time)
  for at = 9, #value, 16 do
    if sub(value, at, at + 7) == stream then return not is_above(offset, sub(value, at + 8, at + 15)) end
  end
  local low, high = struct.unpack('<I4i4', time)
  local gone_low, gone_high = struct.unpack('<I4i4', value)
  return high < gone_high or (high == gone_high and low <= gone_low)
end
