// VUs that mostly wait, for k6: a GET, a second of sleep, and again.
import { sleep } from "k6";
import get from "./get_loop.js";

export { handleSummary, options } from "./get_loop.js";

export default function () {
  get();
  sleep(1);
}
