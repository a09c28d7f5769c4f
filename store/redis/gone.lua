-- What the list of who was forgotten says of a user who is on another node, while their slot is being moved.
-- KEYS: the list. ARGV: key of the user. Returns the value of the user's field (record.lua), empty = none.
return look_up(KEYS[1], ARGV[1]) or ''
