-- Reads one user's record.
-- KEYS: the user. ARGV: most steps, ttl in ms (0 = none), most bytes of h and values that are asked for, 1 = dislikes as well.
-- Returns head, steps, h and values (nil: there are none, or more), dislikes; nothing where there is no such user; -1
-- where the record is damaged. A server that may not renew the time, being a replica, answers all the same.
local key = KEYS[1]
local state, values = read_record(key, 'p', tonumber(ARGV[3]))
if state == 'none' then return {} end
if state ~= 'ours' then return refuse(state) or -1 end
local dislikes = ''
if ARGV[4] == '1' and has_dislikes(values[1]) then dislikes = read_dislikes(key) end
if not dislikes then return -1 end
local most = 16 * tonumber(ARGV[1])
if not values[2] then
  values[2] = ''
elseif #values[2] > most then
  values[2] = sub(values[2], -most)
end
values[3] = values[3] or false
values[4] = dislikes
if ARGV[2] ~= '0' then redis.pcall('PEXPIRE', key, ARGV[2]) end
return values
