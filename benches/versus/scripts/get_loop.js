// The plain GET loop for k6. VUs and duration come from the command line, the address from the variable URL.
import http from "k6/http";

export const options = { discardResponseBodies: true };

export default function () {
  http.get(__ENV.URL);
}

// One line with k6's own counts, which is all that is read. A rate's "passes" are the samples that were true: failures.
export function handleSummary(data) {
  const failed = data.metrics.http_req_failed.values;
  return { stdout: `requests_ok=${failed.fails} requests_failed=${failed.passes}\n` };
}
