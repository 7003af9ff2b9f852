-- Posts the forms in a folder in turn, and prints what came of it as one line of JSON.
--   wrk --threads 1 --connections 8 --duration 8s --latency --script load.lua URL -- FOLDER COUNT
local bodies, turn = {}, 0

function init(arguments)
   for number = 0, tonumber(arguments[2]) - 1 do
      local file = assert(io.open(arguments[1] .. "/" .. number .. ".form", "rb"))
      local headers = { ["Content-Type"] = "multipart/form-data; boundary=digitrec" }
      bodies[number] = wrk.format("POST", nil, headers, file:read("*a"))
      file:close()
   end
   bodies.count = tonumber(arguments[2])
end

function request()
   turn = (turn + 1) % bodies.count
   return bodies[turn]
end

function done(summary, latency)
   local errors = summary.errors
   print(string.format(
      '{"requests": %d, "seconds": %.4f, "p50_ms": %.3f, "p99_ms": %.3f, "failed": %d}',
      summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout
   ))
end
