/** What follows a commit, in Redis: each one step. */
import { mostRecent } from "./engine.js";
import { common } from "./script-common.js";

/** Settles a call, once. */
export const settleScript = `${common}
local j = cjson.decode(ARGV[1])
local P, did, o = j.P, j.d, KEYS[1]
local raw = redis.call('HMGET', o, 'e', 'a', 'p', 'l')
if not raw[1] then return { 'gone' } end
local list = cjson.decode(raw[1])
redis.call('DEL', o)
if raw[3] then redis.call('SREM', P .. 'x:' .. raw[3], did) end
local groups = {}
local currency = j.currency
local lapsed = raw[4]
for _, e in ipairs(list) do
  local g = groups[e.i]
  if not g then g = { held = 0, list = {} }; groups[e.i] = g end
  local h = num(e.h)
  -- what lapsed holds no more than it said it used
  if lapsed then h = e.t == 'concurrent' and 0 or math.min(h, num(e.s)); e.h = h end
  g.held = g.held + h
  g.e = e
  g.list[#g.list + 1] = e
  if isset(e.c) and not isset(currency) then currency = e.c end
end
local mosts = {}
for _, g in pairs(groups) do
  local e = g.e
  local used
  if e.t == 'concurrent' then used = 0
  elseif e.t == 'cost' and isset(e.c) and isset(j.currency) and e.c ~= j.currency then used = g.held
  elseif isset(j.units[e.t]) then used = j.units[e.t]
  elseif j.known then used = 0
  else used = g.held end
  if g.held > (mosts[e.t] or 0) then mosts[e.t] = g.held end
  if used > g.held and e.t ~= 'distinct_tools' then
    local key = P .. e.k
    local b = math.max(num(e.b), num(redis.call('HGET', key, 'w') or '0'))
    if isset(e.y) and e.y > 0 then b = math.max(b, math.floor(j.t / e.y)) end
    redis.call('HINCRBY', key, text(b), text(used - g.held))
    redis.call('HSET', key, 'w', text(b))
    redis.call('HINCRBY', key, 'g', 1)
    redis.call('PEXPIRE', key, text(e.x))
  else
    local back = g.held - used
    for _, one in ipairs(g.list) do
      local n = math.min(back, num(one.h))
      give(P, did, one, n)
      back = back - n
    end
  end
end
local function of(unit)
  local n = mosts[unit] or 0
  if isset(j.units[unit]) then n = j.units[unit] elseif j.known then n = 0 end
  if lapsed then n = math.max(0, n - (mosts[unit] or 0)) end
  return n
end
local used = { of('input_tokens'), of('output_tokens'), of('cost') }
local moved = spend(cjson.decode(raw[2]), used[1], used[2], used[3], currency, j.nonce)
if isset(j.denied) then
  for _, key in ipairs(cjson.decode(raw[2])) do
    if redis.call('EXISTS', key) == 1 then
      redis.call('HINCRBY', key, 'd', 1)
      local q = num(redis.call('HGET', key, 'q') or '1')
      local f = 'r' .. ((q - 1) % ${mostRecent})
      local step = redis.call('HGET', key, f)
      if step then redis.call('HSET', key, f, (string.gsub(step, '^(%d+)%+', '%1-'))) end
    end
  end
end
return { 'settled', moved, text(used[1]), text(used[2]), text(used[3]), isset(currency) and currency or '' }
`;

/** Holds more for a call under way. */
export const extendScript = `${common}
local j = cjson.decode(ARGV[1])
local did, o = j.d, KEYS[1]
local raw = redis.call('HMGET', o, 'e', 'l')
if not raw[1] or raw[2] then return { 'unknown' } end
local list = cjson.decode(raw[1])
for _, e in ipairs(list) do e.s = e.h end
local looked, fits, pending = {}, true, {}
for i, r in ipairs(j.res) do
  local s = look(KEYS[1 + i], r)
  local p = pending[r.ks] or 0
  local one = r.s or r.n == 0 or s.used + p + r.n <= r.a
  pending[r.ks] = p + r.n
  looked[i] = { s = s, fits = one, need = math.max(1, s.used + p + r.n - r.a) }
  if not one then fits = false end
end
local states = {}
for i, r in ipairs(j.res) do
  if fits and r.n > 0 then
    local s = look(KEYS[1 + i], r)
    take(s, r, r.n, did)
    list[#list + 1] = { i = r.i, k = r.ks, b = text(s.bucket), h = text(r.n), s = '0', t = r.u, g = text(s.g), y = r.y, x = r.x,
      c = isset(r.c) and r.c or nil }
    states[i] = told(s, 1)
  else
    states[i] = told(looked[i].s, looked[i].fits and 1 or looked[i].need)
  end
end
if #list > 0 then redis.call('HSET', o, 'e', cjson.encode(list)) end
return { fits and 'extended' or 'over', states }
`;

/** Lapses calls by their ids, or what a process that is gone left behind; renews a process's lease. */
export const lapseScript = `${common}
local j = cjson.decode(ARGV[1])
local P, n = j.P, 0
for _, did in ipairs(j.dids) do
  local p = redis.call('HGET', P .. 'o:' .. did, 'p')
  n = n + lapse(P, did, j.nonce)
  if p then redis.call('SREM', P .. 'x:' .. p, did) end
end
if j.renew then redis.call('ZADD', KEYS[1], text(clock + j.lease), j.pid) end
if j.sweep then
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(clock), 'LIMIT', 0, 4)) do
    if gone ~= j.pid then
      local x = P .. 'x:' .. gone
      local dids = redis.call('SRANDMEMBER', x, 64)
      for _, did in ipairs(dids) do
        n = n + lapse(P, did, j.nonce)
        redis.call('SREM', x, did)
      end
      if #dids == 0 then redis.call('ZREM', KEYS[1], gone) end
    end
  end
end
return n
`;

/** Ends a task; writes back what the store has lost: the higher of both counts. */
export const restoreScript = `
local j = cjson.decode(ARGV[1])
local a, out = KEYS[1], {}
local function n(v) return tonumber(string.match(v or '0', '^(%d+)')) or 0 end
local function text(v) return string.format('%.0f', v) end
-- what is as new as what was known wasn't lost
if j.lost and n(redis.call('HGET', a, 'v')) >= j.n and (not j.ended or redis.call('HGET', a, 'e')) then return out end
if j.ended then redis.call('HSET', a, 'e', '1') end
if j.f ~= nil and j.f ~= cjson.null then
  for f, v in pairs(j.f) do
    local known = tonumber(redis.call('HGET', a, f) or '-1')
    if not known or known < v then redis.call('HSET', a, f, text(v)) end
  end
  for f, v in pairs(j.r) do redis.call('HSETNX', a, f, v) end
end
if j.ended or j.f ~= nil and j.f ~= cjson.null then
  local v = redis.call('HGET', a, 'v')
  out[1] = text(math.max(n(v), j.n) + 1) .. '.' .. j.nonce
  redis.call('HSET', a, 'v', out[1])
  redis.call('PEXPIRE', a, text(j.keep))
end
for i, set in ipairs(j.l) do
  local key = KEYS[1 + i]
  local changed = false
  for _, b in ipairs(set.fields) do
    local v = redis.call('HGET', key, b.f)
    local g, u = string.match(v or '', '^1%.(%d+)%.(%d+)%.')
    if not g or tonumber(g) < b.g or (tonumber(g) == b.g and tonumber(u) < b.u) then
      redis.call('HSET', key, b.f, b.v)
      changed = true
    end
  end
  local v = redis.call('HGET', key, 'v') or '0'
  if changed then
    v = text(math.max(n(v), set.n) + 1) .. '.' .. j.nonce
    redis.call('HSET', key, 'v', v)
    redis.call('PEXPIRE', key, text(math.max(set.ttl, redis.call('PTTL', key), 1)))
  end
  out[1 + i] = v
end
if not out[1] then out[1] = redis.call('HGET', a, 'v') or '0' end
return out
`;

/** Writes back a counter that the store has lost. */
export const restoreCounterScript = `
local j = cjson.decode(ARGV[1])
local key = KEYS[1]
local function text(v) return string.format('%.0f', v) end
if (tonumber(redis.call('HGET', key, 'g') or '0') or 0) >= j.g then return 0 end
local there = tonumber(redis.call('HGET', key, text(j.b)) or '0') or 0
if there < j.n then redis.call('HSET', key, text(j.b), text(j.n)) end
redis.call('HSET', key, 'g', text(j.g), 'rg', text(j.g), 'w', text(math.max(j.b, tonumber(redis.call('HGET', key, 'w') or '0') or 0)))
redis.call('PEXPIRE', key, text(j.ttl))
return 1
`;
