-- One request, again and again, by wrk; every answer must be a 200.
--
--   SAMPLES=FILE wrk -t1 -c16 -d10s --latency -s request.lua URL -- METHOD BODY [NAME VALUE]...
--
-- FILE receives a few of the bodies that were answered under load, one a line; without SAMPLES none is kept.
-- The last line that is printed is one JSON object, which `cargo xtask bench` reads.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

-- A body of every so many answers is kept, up to this many a thread.
local EVERY, KEPT = 97, 20

function init(arguments)
  wrk.method = arguments[1]
  if arguments[2] ~= "" then
    wrk.body = arguments[2]
  end
  for place = 3, #arguments, 2 do
    wrk.headers[arguments[place]] = arguments[place + 1]
  end
  answers, others, first_other, samples = 0, 0, "", ""
  kept, sampling = 0, os.getenv("SAMPLES") ~= nil
end

function response(status, _, body)
  answers = answers + 1
  if status ~= 200 then
    others = others + 1
    if others == 1 then
      first_other = status .. " " .. body
    end
  elseif sampling and answers % EVERY == 1 and kept < KEPT then
    kept = kept + 1
    samples = samples .. body:gsub("[\r\n]", " ") .. "\n"
  end
end

local function quoted(text)
  local safe = text:sub(1, 300):gsub('[%c"\\]', function(c)
    return string.format("\\u%04x", c:byte())
  end)
  return '"' .. safe .. '"'
end

function done(summary, latency)
  local others, first_other, samples = 0, "", ""
  for _, thread in ipairs(threads) do
    others = others + thread:get("others")
    samples = samples .. thread:get("samples")
    if first_other == "" then
      first_other = thread:get("first_other")
    end
  end
  if samples ~= "" then
    local file = assert(io.open(os.getenv("SAMPLES"), "w"))
    file:write(samples)
    file:close()
  end
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"others":%d,"broken":%d,"first_other":%s}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    others, broken, quoted(first_other)))
end
