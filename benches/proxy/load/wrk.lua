-- The requests of a run of wrk, and its figures as one line of JSON.
-- Arguments: `distinct` or `same`, a text that no other run has, then pairs of header name and value.

-- About a kibibyte, most of it the prompt, as a short question with a system prompt is.
local FRONT = '{"model":"claude-sonnet-5","max_tokens":1024,"messages":[{"role":"user","content":"'
local BACK = string.rep("Tell me of the sea, and of ships. ", 26) .. '"}]}'
local count = 0
local front, same

function init(args)
  wrk.method = "POST"
  wrk.headers["content-type"] = "application/json"
  wrk.headers["x-api-key"] = "bench-key"
  wrk.headers["anthropic-version"] = "2023-06-01"
  for i = 3, #args, 2 do wrk.headers[args[i]] = args[i + 1] end
  front = FRONT .. args[2] .. " "
  if args[1] == "same" then same = wrk.format(nil, nil, nil, front .. BACK) end
end

function request()
  if same then return same end
  count = count + 1
  return wrk.format(nil, nil, nil, front .. count .. BACK)
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('{"units":%d,"ms":%f,"failed":%d,"p50Ms":%f,"p99Ms":%f}\n', summary.requests,
    summary.duration / 1e3, failed, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
