/**
 * What steps in Redis share. Written in Lua 5.1; all keys of a step carry one hash tag. Numbers that could be large are
 * written with `%.0f`: Lua would round them.
 */
import { mostMembers } from "./counters.js";

/** Shared by all steps: how counters count, and how calls close. */
export const common = `
local function text(n) return string.format('%.0f', n) end
-- leases are told by the store's own clock: those of the fleet may differ
local time = redis.call('TIME')
local clock = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function num(v) return tonumber(v) or 9007199254740991 end
local function isset(v) return v ~= nil and v ~= cjson.null end
local most = ${mostMembers}

-- reads a counter: a value that is no number counts as more than any limit
local function look(key, r)
  local c = { key = key, g = 0, rg = 0, newest = 0, used = 0, counts = {}, members = {}, dead = {} }
  local h = redis.call('HGETALL', key)
  local buckets = {}
  for i = 1, #h, 2 do
    local f, v = h[i], h[i + 1]
    if f == 'g' then c.g = num(v)
    elseif f == 'rg' then c.rg = num(v)
    elseif f == 'w' then c.newest = num(v)
    elseif string.sub(f, 1, 2) == 'm:' then c.members[f] = v
    else buckets[f] = num(v) end
  end
  local b, floor = r.b, r.f
  if c.newest > b then floor = floor + c.newest - b; b = c.newest end
  c.bucket = b
  local n = 0
  for f, v in pairs(c.members) do
    local at = num(string.match(v, '^(%d+)'))
    if at < floor then c.dead[#c.dead + 1] = f; c.members[f] = nil
    else c.counts[at] = (c.counts[at] or 0) + 1; n = n + 1 end
  end
  if r.u == 'distinct_tools' then c.used = n else c.counts = {} end
  for f, v in pairs(buckets) do
    local at = num(f)
    if at < floor or v <= 0 then c.dead[#c.dead + 1] = f
    elseif r.u ~= 'distinct_tools' then c.counts[at] = v; c.used = c.used + v end
  end
  -- a counter that is older than what was seen of it has been lost: what was seen counts again
  c.rolled = false
  if isset(r.kg) and c.g < r.kg then
    c.rolled = true
    if r.u ~= 'distinct_tools' and r.kb >= floor and c.used < r.ku then
      local kb = math.min(r.kb, b)
      c.fix = { b = kb, n = r.ku - c.used }
      c.counts[kb] = (c.counts[kb] or 0) + r.ku - c.used
      c.used = r.ku
    end
  end
  return c
end

local function frees(c, need)
  local order = {}
  for at in pairs(c.counts) do order[#order + 1] = at end
  table.sort(order)
  local freed = 0
  for _, at in ipairs(order) do
    freed = freed + c.counts[at]
    if freed >= need then return text(at) end
  end
  return ''
end

local function adds(c, r)
  if r.u ~= 'distinct_tools' then return r.n end
  if not isset(r.m) or c.members[r.m] then return 0 end
  return 1
end

-- writes what looking found, and takes
local function take(c, r, n, did)
  local key = c.key
  if #c.dead > 0 then redis.call('HDEL', key, unpack(c.dead)) end
  if c.rolled then
    redis.call('HSET', key, 'g', text(r.kg), 'rg', text(r.kg))
    if c.fix then redis.call('HINCRBY', key, text(c.fix.b), text(c.fix.n)) end
    c.g = r.kg
  end
  if r.u == 'distinct_tools' then
    if isset(r.m) then
      local known = c.members[r.m]
      local v = text(c.bucket)
      if not known then v = v .. '|' .. did end
      if known or c.used < most then redis.call('HSET', key, r.m, v) end
      if not known and c.used < most then
        c.counts[c.bucket] = (c.counts[c.bucket] or 0) + 1
        c.used = c.used + 1
      end
      c.members[r.m] = v
    end
  elseif n > 0 then
    redis.call('HINCRBY', key, text(c.bucket), text(n))
    c.counts[c.bucket] = (c.counts[c.bucket] or 0) + n
    c.used = c.used + n
  end
  c.g = redis.call('HINCRBY', key, 'g', 1)
  redis.call('HSET', key, 'w', text(c.bucket))
  redis.call('PEXPIRE', key, text(r.x))
end

-- how a counter stands: used, the bucket that frees, generation, newest bucket, whether it was lost
local function told(c, need)
  return { text(c.used), frees(c, need), text(c.g), text(c.bucket), c.rolled and '1' or '0' }
end

-- gives back what an entry of a call holds; not what was taken before the counter was lost
local function give(P, did, e, n)
  if n <= 0 then return end
  local key = P .. e.k
  local rg = num(redis.call('HGET', key, 'rg') or '0')
  if num(e.g) <= rg then return end
  if e.t == 'distinct_tools' then
    local v = isset(e.m) and redis.call('HGET', key, e.m)
    if v and string.match(v, '|(.*)$') == did then
      redis.call('HDEL', key, e.m)
      redis.call('HINCRBY', key, 'g', 1)
    end
    return
  end
  local v = redis.call('HGET', key, e.b)
  if not v then return end
  if num(v) > n then redis.call('HINCRBY', key, e.b, text(-n)) else redis.call('HDEL', key, e.b) end
  redis.call('HINCRBY', key, 'g', 1)
end

local function spend(a, input, output, cost, currency, nonce)
  local moved = {}
  if input + output + cost <= 0 then return moved end
  for _, key in ipairs(a) do
    if redis.call('EXISTS', key) == 1 then
      if input > 0 then redis.call('HINCRBY', key, 'ti', text(input)) end
      if output > 0 then redis.call('HINCRBY', key, 'to', text(output)) end
      if cost > 0 and isset(currency) then redis.call('HINCRBY', key, 'C:' .. currency, text(cost)) end
      local v = redis.call('HGET', key, 'v') or '0'
      local after = text((tonumber(string.match(v, '^(%d+)')) or 0) + 1) .. '.' .. nonce
      redis.call('HSET', key, 'v', after)
      moved[#moved + 1] = { key, v, after }
    end
  end
  return moved
end

-- gives back what a call held whose holder is gone, but for what it said it used; a late outcome still counts
local function lapse(P, did, nonce)
  local o = P .. 'o:' .. did
  local raw = redis.call('HMGET', o, 'e', 'a', 'l')
  if not raw[1] or raw[3] then return 0 end
  local most = {}
  local currency
  for _, e in ipairs(cjson.decode(raw[1])) do
    local used = 0
    if e.t ~= 'concurrent' then used = math.min(num(e.h), num(e.s)) end
    give(P, did, e, num(e.h) - used)
    most[e.t .. e.i] = (most[e.t .. e.i] or 0) + used
    if isset(e.c) then currency = e.c end
  end
  local function of(unit)
    local m = 0
    for k, v in pairs(most) do if string.match(k, '^(.-)%d+$') == unit and v > m then m = v end end
    return m
  end
  local told = { input_tokens = of('input_tokens'), output_tokens = of('output_tokens'), cost = of('cost') }
  spend(cjson.decode(raw[2]), told.input_tokens, told.output_tokens, told.cost, currency, nonce)
  redis.call('HSET', o, 'l', '1')
  redis.call('PEXPIRE', o, 600000)
  return 1
end
`;
