-- Requests for wrk: a thousand different ones in turn, over all hosts, as a plain client sends them. `wrk -s requests.lua URL -- ROUTES`
local requests = {}
local at = 0

function init(args)
  local routes = tonumber(args[1])
  for i = 1, 1000 do
    requests[i] = "GET /path/" .. i .. "?item=" .. i * 7 .. " HTTP/1.1\r\nHost: host-" .. i % routes .. ".bench.test\r\nUser-Agent: bench/" .. i .. "\r\nAccept: */*\r\n\r\n"
  end
end

function request()
  at = at % 1000 + 1
  return requests[at]
end
