/** A commit, in Redis: one step. */
import { mostLabels, mostRecent, mostTools } from "./engine.js";
import { common } from "./script-common.js";

/** Bytes of the largest record that is read. */
const mostBytes = 1_048_576;

/** Decides and writes what a commit changes. */
export const commitScript = `${common}
local j = cjson.decode(ARGV[1])
local t, P = j.t, j.P
local na, nl, nm = j.na, j.nl, j.nm
local a, l = {}, {}
for i = 1, na do a[i] = KEYS[2 + i] end
for i = 1, nl + nm do l[i] = KEYS[2 + na + i] end

for i = 1, na do if redis.call('HGET', a[i], 'e') then return { 'ended' } end end

local va, vl = {}, {}
for i = 1, na do va[i] = redis.call('HGET', a[i], 'v') or '0' end
for i = 1, nl + nm do vl[i] = redis.call('HGET', l[i], 'v') or '0' end

-- what is far larger than ours isn't ours, and isn't carried
local function all(key)
  local h, bytes = redis.call('HGETALL', key), 0
  for _, v in ipairs(h) do bytes = bytes + #v end
  if bytes > ${mostBytes} then return { 'v', 'garbled' } end
  return h
end
local function snapshot()
  local s = {}
  for i = 1, nl + nm do s[i] = all(l[i]) end
  return { na > 0 and all(a[na]) or {}, s }
end

if isset(j.ra) and j.ra ~= va[na] then return { 'stale', snapshot() } end
if isset(j.rl) then
  for i = 1, nl do if j.rl[i] ~= vl[i] then return { 'stale', snapshot() } end end
end

-- what was seen and isn't there any more was lost: it is written back first
local function number(v) return tonumber(string.match(v, '^(%d+)')) or 0 end
if isset(j.ka) and number(va[na]) < j.ka then return { 'conflict', snapshot() } end
if isset(j.kl) then
  for i = 1, nl do if number(j.kl[i]) > number(vl[i]) then return { 'conflict', snapshot() } end end
end

-- foreign types fail here, before anything is written
redis.call('ZCARD', KEYS[1])
redis.call('SCARD', KEYS[2])
for i = 3 + na, #KEYS do redis.call('HLEN', KEYS[i]) end

-- labels: what a set holds, and whether what is to be added goes with it
local sets = {}
local function set(i)
  if sets[i] then return sets[i] end
  local s = { on = {}, g = {}, u = {}, n = 0, all = #redis.call('HKEYS', l[i]) }
  local h = redis.call('HGETALL', l[i])
  for k = 1, #h, 2 do
    if h[k] ~= 'v' then
      local g, u = string.match(h[k + 1], '^1%.(%d+)%.(%d+)%.')
      s.g[h[k]] = num(g)
      s.u[h[k]] = num(u)
      if num(g) % 2 == 0 and num(u) > t then s.on[h[k]] = true; s.n = s.n + 1 end
    end
  end
  sets[i] = s
  return s
end
for _, c in ipairs(j.calls) do
  for _, b in ipairs(c.lab) do
    local s = set(b.k)
    local g = s.g[b.f]
    if g and g > b.g then return { 'conflict', snapshot() } end
    if not s.on[b.f] then s.on[b.f] = true; s.n = s.n + 1 end
    if s.n > ${mostLabels} or s.all > ${8 * mostLabels} then return { 'full' } end
  end
  for _, b in ipairs(c.ulab) do
    local g = set(b.k).g[b.f]
    if g and g >= b.g then return { 'conflict', snapshot() } end
  end
end

local function bump(v) return text((tonumber(string.match(v, '^(%d+)')) or 0) + 1) .. '.' .. j.nonce end

local function count(key, kind, name)
  if not isset(name) then return end
  local f = kind .. ':' .. name
  if redis.call('HEXISTS', key, f) == 0 then
    if num(redis.call('HGET', key, 'n' .. kind) or '0') >= ${mostTools} then f = kind .. ':*'
    else redis.call('HINCRBY', key, 'n' .. kind, 1) end
  end
  redis.call('HINCRBY', key, f, 1)
end

local results, changed, touched = {}, {}, false
for ci, c in ipairs(j.calls) do
  local looked, over, states = {}, 0, {}
  local pending = {}
  for i, r in ipairs(c.res) do
    local s = look(KEYS[r.k], r)
    local p = pending[r.k] or 0
    local n = adds(s, r)
    local top = r.a
    if r.u == 'distinct_tools' then top = math.min(top, most) end
    local fits = r.s or n == 0 or s.used + p + n <= top
    pending[r.k] = p + n
    looked[i] = { s = s, n = n, need = math.max(1, s.used + p + n - top), fits = fits }
    if not fits and over == 0 then over = i end
  end
  local allow = c.allow and over == 0
  if not c.q then
    for i = 1, na do
      local key = a[i]
      redis.call('HSETNX', key, 's', text(c.at))
      local q = redis.call('HINCRBY', key, 'q', 1)
      if not allow then redis.call('HINCRBY', key, 'd', 1) end
      count(key, 'A', c.A)
      if allow then count(key, 'S', c.S); count(key, 'T', c.T) end
      redis.call('HSET', key, 'r' .. ((q - 1) % ${mostRecent}), text(q) .. (allow and '+' or '-') .. c.step)
      touched = true
    end
  end
  if over == 0 then
    for _, b in ipairs(c.lab) do
      local s = sets[b.k]
      local g, u = s.g[b.f], s.u[b.f]
      local live = g and g == b.g and u > t
      if not live or u < b.u then
        redis.call('HSET', l[b.k], b.f, b.v)
        if not live then changed[b.k] = true end
        s.g[b.f] = b.g
        s.u[b.f] = b.u
      end
    end
    for _, b in ipairs(c.ulab) do
      redis.call('HSET', l[b.k], b.f, b.v)
      changed[b.k] = true
      sets[b.k].g[b.f] = b.g
      sets[b.k].u[b.f] = b.u
    end
  end
  local entries = {}
  for i, r in ipairs(c.res) do
    local one = looked[i]
    if over == 0 then
      -- another reservation of this call may have counted in the same place
      local s = look(KEYS[r.k], r)
      take(s, r, one.n, c.d)
      entries[#entries + 1] = { i = i, k = r.ks, b = text(s.bucket), h = text(one.n), s = '0', t = r.u, g = text(s.g), y = r.y, x = r.x,
        m = isset(r.m) and r.m or nil, c = isset(r.c) and r.c or nil }
      states[i] = told(s, 1)
    else
      states[i] = told(one.s, one.fits and 1 or one.need)
    end
  end
  if allow and c.o and (not c.q or #entries > 0) then
    local o = KEYS[c.o]
    local e = '[]'
    if #entries > 0 then e = cjson.encode(entries) end
    local names = '[]'
    if na > 0 then names = cjson.encode(a) end
    redis.call('HSET', o, 'e', e, 'a', names, 'r', c.r, 'p', j.pid)
    redis.call('PEXPIRE', o, text(j.hold))
    redis.call('SADD', KEYS[2], c.d)
    redis.call('PEXPIRE', KEYS[2], text(j.hold))
    redis.call('ZADD', KEYS[1], text(clock + j.lease), j.pid)
    redis.call('PEXPIRE', KEYS[1], text(j.hold))
  end
  results[ci] = { tostring(over), states }
end

for i = 1, na do
  if touched then redis.call('HSET', a[i], 'v', bump(va[i])) end
  redis.call('PEXPIRE', a[i], text(j.keep))
end
local after = {}
for i = 1, nl + nm do
  after[i] = vl[i]
  if changed[i] then after[i] = bump(vl[i]); redis.call('HSET', l[i], 'v', after[i]) end
  -- a holder's labels end by themselves; a task's, with it
  if i == 1 and nl > 0 then redis.call('PEXPIRE', l[i], text(j.keep))
  elseif sets[i] then
    redis.call('PEXPIRE', l[i], text(math.max(j.stick, redis.call('PTTL', l[i]), 1)))
    for f, u in pairs(sets[i].u) do if u <= t then redis.call('HDEL', l[i], f) end end
  end
end

local lapsed = 0
if j.sweep then
  local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(clock), 'LIMIT', 0, 1)[1]
  if gone and gone ~= j.pid then
    local x = P .. 'x:' .. gone
    local dids = redis.call('SRANDMEMBER', x, 8)
    for _, did in ipairs(dids) do
      lapsed = lapsed + lapse(P, did, j.nonce)
      redis.call('SREM', x, did)
    end
    if #dids == 0 then redis.call('ZREM', KEYS[1], gone) end
  end
end
local now = {}
for i = 1, na do now[i] = touched and bump(va[i]) or va[i] end
local reply = { 'ok', results, va, now, vl, after, lapsed }
if isset(j.kl) then
  for i = 1, nl do if j.kl[i] ~= '' and j.kl[i] ~= vl[i] then reply[8] = snapshot() break end end
end
return reply
`;
