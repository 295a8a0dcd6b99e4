-- For wrk: each connection waits for a second before each of its requests.
function delay()
  return 1000
end
