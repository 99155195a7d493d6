/** What Redis does in one step. Its answers are believed only as far as their seals go. */

/**
 * Reads the revision and all records. KEYS: records, revision. ARGV: most records, longest record.
 * A record that is too long, or has a name that is, comes as "": garbage.
 */
export const readScript = `
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then return {'', '*', ''} end
if redis.call('TYPE', KEYS[2]).ok ~= 'string' and redis.call('EXISTS', KEYS[2]) == 1 then return {'', '*', ''} end
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[1]) then return {'many'} end
local out = {redis.call('GETRANGE', KEYS[2], 0, 63)}
for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do
  out[#out + 1] = string.sub(id, 1, 64)
  if #id <= 64 and redis.call('HSTRLEN', KEYS[1], id) <= tonumber(ARGV[2]) then
    out[#out + 1] = redis.call('HGET', KEYS[1], id)
  else
    out[#out + 1] = ''
  end
end
return out
`;

/**
 * Changes records that are as they are expected to be ("": there is none; "*": whatever it is), under a new revision that
 * is announced; with "whole", only where all are. KEYS: records, revision. ARGV: new revision, channel, "each" or "whole", then for
 * each record id, what is expected, what it becomes ("": it goes). Gives the revision before, how many weren't as expected, and
 * whether there is a new revision.
 */
export const writeScript = `
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
if redis.call('TYPE', KEYS[2]).ok ~= 'string' then redis.call('DEL', KEYS[2]) end
local before = redis.call('GETRANGE', KEYS[2], 0, 63)
local news = {before, ARGV[1]}
local others = 0
if ARGV[3] == 'whole' then
  for i = 4, #ARGV, 3 do
    if ARGV[i + 1] ~= '*' and (redis.call('HGET', KEYS[1], ARGV[i]) or '') ~= ARGV[i + 1] then others = others + 1 end
  end
  if others > 0 then return {before, others, 0} end
end
for i = 4, #ARGV, 3 do
  local found = redis.call('HGET', KEYS[1], ARGV[i]) or ''
  if ARGV[i + 1] == '*' or found == ARGV[i + 1] then
    if ARGV[i + 2] == '' then
      redis.call('HDEL', KEYS[1], ARGV[i])
    else
      redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
      news[#news + 1] = ARGV[i]
      news[#news + 1] = ARGV[i + 2]
    end
  else
    others = others + 1
  end
end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('PUBLISH', ARGV[2], cjson.encode(news))
return {before, others, 1}
`;
