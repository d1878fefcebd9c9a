/** Measurements, with the programs as people get them: `npm run bench -w tests/ui`. */
import config from "./playwright.config";

export default { ...config, testDir: "bench", timeout: 900_000, reporter: [["line"]] };
