-- POSTs the body that BENCH_BODY names, each with an id of its own: in a session no id may come
-- twice. With BENCH_TOKENS, every thread is another subject. `@ID@` is the place of the id.

local threads = 0
local tokens = {}
for token in string.gmatch(os.getenv("BENCH_TOKENS") or "", "%S+") do
  table.insert(tokens, token)
end

function setup(thread)
  thread:set("place", threads)
  if #tokens > 0 then
    thread:set("token", tokens[threads % #tokens + 1])
  end
  threads = threads + 1
end

function init()
  local file = assert(io.open(os.getenv("BENCH_BODY")))
  local body = file:read("*a")
  file:close()
  count = 0
  run = os.getenv("BENCH_RUN")
  wrk.method = "POST"
  for line in string.gmatch(os.getenv("BENCH_HEADERS"), "[^\n]+") do
    local name, value = string.match(line, "^(%S+) (.*)$")
    wrk.headers[name] = value
  end
  if token then
    wrk.headers["authorization"] = "Bearer " .. token
  end
  function request()
    count = count + 1
    local id = run .. "-" .. place .. "-" .. count
    return wrk.format(nil, nil, nil, (string.gsub(body, "@ID@", id)))
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    "\nDONE %d %d %d\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout
  ))
end
